"""Vocabulary and soft targets, by the numbers of ViLT's code."""

import json

import pytest
from lm4ve_vqa.datasets.answers import (
    choose_answers,
    count_answers,
    read_answers,
    soft_target,
    write_answers,
)
from lm4ve_vqa.datasets.normalise import (
    normalise_glossary,
    normalise_official,
)

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

POOL = ('Yes', 'no', 'two', 'A dog', 'dog', 'red.', 'Red', 'blue', '2',
        'the cat')


def majority(n):
    return POOL[(3 * n + n * n // 7) % 10]


def ten(n):
    """The ten answers of a toy question."""
    given = [majority(n)] * (n % 5 + 2)
    k = 1
    while len(given) < 10:
        given.append(POOL[(n + k * k) % 10] if k % 3 else f'never seen {n}')
        k += 1
    return given


TRAIN, VAL = range(46), range(300, 323)


@pytest.mark.parametrize('answer, wanted', [
    ('YES!', 'yes'), ('a dog', 'dog'), ('an apple a day', 'apple day'),
    ('none', '0'), ("ten o'clock", "10 o'clock"), ('10:30', '10:30'),
    ('1,000 people', '1000 people'), ('3.5.', '3.5'), ('.5', '.5'),
    ('U.S.A.', 'usa'), ("St. John's", "st john's"),
    ('red,white', 'red white'), ('black / white', 'black white'),
    ('black/ white', 'black white'), ('n/a', 'n'), ('t-shirt', 't shirt'),
    ('dont', "don't"), ('Ive', 'ive'), ("somebody'd", 'somebodyd'),
    ('"hello"', 'hello'), ('what? no', 'what no'), ('the', ''), ('', ''),
    ('$5', '$5'), ('50%', '50%'), ('a@b.com', 'bcom'), ('x=1+2', 'x 1 2'),
    ('1,2;3', '123'), ('NONE of the above', '0 of above'),
    ('.' * 40, '.' * 8), ('. 7', '7'), ("y'all'd've", "y'all'd've")])
def test_normalisers(answer, wanted):
    assert normalise_glossary(answer) == wanted
    assert normalise_official(answer) == wanted


@pytest.mark.parametrize('answer, glossary, official', [
    ('x-\ty-z', 'x y z', 'x yz'), ('q/\nr/s t', 'q r s t', 'q rs t')])
def test_where_the_normalisers_differ(answer, glossary, official):
    assert normalise_glossary(answer) == glossary
    assert normalise_official(answer) == official


def test_vocabulary():
    """By count after normalisation; in the order of first appearance."""
    counts = count_answers(map(majority, [*TRAIN, *VAL]))
    assert list(counts.items()) == [
        ('yes', 11), ('dog', 25), ('red', 12), ('2', 14), ('blue', 7)]
    assert choose_answers(counts) == ['yes', 'dog', 'red', '2']


def test_soft_targets():
    """Of answers as they were written: only two classes are ever hit."""
    labels = {answer: label for label, answer in enumerate(
        ['yes', 'dog', 'red', '2'])}
    found = {n: soft_target(ten(n), labels) for n in [*TRAIN, *VAL]}
    assert {label for one, _ in found.values() for label in one} == {1, 3}
    assert sum(bool(found[n][0]) for n in TRAIN) == 38
    assert sum(bool(found[n][0]) for n in VAL) == 18
    for n, wanted in ((0, ([1], [.6])), (2, ([3], [.3])),
                      (3, ([1, 3], [.3, .3])), (4, ([1, 3], [1., .3])),
                      (5, ([3, 1], [.6, .3])), (7, ([3], [1.]))):
        assert found[n] == wanted, n


def test_scores_by_count():
    for count, score in enumerate((0, .3, .6, .9, 1., 1., 1.)):
        given = ['red'] * count + ['no'] * (10 - count)
        assert soft_target(given, dict(red=0)) == (
            ([0], [score]) if count else ([], []))


def test_files(tmp_path):
    """Our list, and the dict of others; the empty answer is a class."""
    answers = ['net', '', 'café']
    write_answers(tmp_path / 'a.json', answers)
    assert read_answers(tmp_path / 'a.json') == answers
    (tmp_path / 'b.json').write_text(json.dumps({'': 1, 'net': 0, 'x': 2}))
    assert read_answers(tmp_path / 'b.json') == ['net', '', 'x']


@pytest.mark.parametrize('text, error, message', [
    (None, DataNotFoundError, 'no file of answers'),
    ('["a", "b"', DataError, 'cut off'),
    ('["a", "a"]', DataError, "'a' more than once"),
    ('["a", 3]', DataError, 'neither a JSON list'),
    ('[]', DataError, 'neither a JSON list'),
    ('{"a": 0, "b": 2}', DataError, 'not the labels 0 to 1')])
def test_bad_files(tmp_path, text, error, message):
    path = tmp_path / 'answers.json'
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=message):
        read_answers(path)


def test_real_lists(shared_data):
    """Three projects have the same 3,129, all fixed points."""
    folder = shared_data / 'vqav2'
    uniter = read_answers(folder / 'uniter_ans2label.json')
    lxmert = read_answers(folder / 'lxmert_trainval_ans2label.json')
    assert len(uniter) == 3129 and uniter[:4] == [
        'net', 'pitcher', 'orange', 'yes']
    assert set(uniter) == set(lxmert) and '' in uniter
    assert all(normalise_glossary(one) == one for one in uniter)
    held, = json.loads(
        (folder / 'openvqa_answer_dict.json').read_text())[:1]
    assert [one for one, _ in sorted(held.items(), key=lambda i: i[1])] == (
        uniter)
