"""The official accuracy, the server's file, and recall."""

import json

import numpy as np
import pytest
import torch
from lm4ve_vqa.evaluation import (
    ImageTextRecall,
    VQASubmission,
    VQAv2Accuracy,
    vqa_accuracy,
)
from lm4ve_vqa.evaluation.retrieval_loop import as_samples
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from lm4ve_mm.utils.errors import ConfigError, DataError

# Prediction, type of answer and of question, ten answers, accuracy.
CASES = (
    ('yes', 'yes/no', 'is', dict(yes=10), 100),
    ('Yes', 'yes/no', 'is', dict(yes=10), 0),
    ('Yes.', 'yes/no', 'is', dict(yes=9, no=1), 100),
    ('no', 'yes/no', 'are', dict(yes=9, no=1), 30),
    ('2', 'number', 'how many', {'two': 9, '3': 1}, 100),
    ('two', 'number', 'how many', dict(two=10), 100),
    ('2', 'number', 'how many', dict(two=10), 0),
    ('4', 'number', 'how many', {'4': 3, '5': 7}, 90),
    ('a red car', 'other', 'what', {'red car': 2, 'car': 8}, 60),
    ('car', 'other', 'what', {'red car': 3, 'car': 4, 'truck': 3}, 100),
    ('black and white', 'other', 'what',
     {'black/white': 4, 'black & white': 3, 'black and white': 3}, 90),
    ('dont know', 'other', 'why', {"don't know": 1, 'sky': 9}, 30),
)


def ten(counts):
    return [answer for answer, count in counts.items() for _ in range(count)]


def sample(answer, kind, start, counts, number=0, **fields):
    made = DataSample(metainfo=dict(
        question_id=number, gt_answer=ten(counts), answer_type=kind,
        question_type=start))
    made.set_field(answer, 'pred_answer')
    for name, value in fields.items():
        made.set_field(value, name)
    return made


def evaluate(metric, samples, meta=None):
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = meta
    for start in range(0, len(samples), 5):
        evaluator.process(samples[start:start + 5])
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('case', CASES, ids=lambda case: case[0])
def test_twelve_cases(case):
    answer, _, _, counts, wanted = case
    assert 100 * vqa_accuracy(answer, ten(counts)) == pytest.approx(wanted)


def test_white_space():
    """Around an answer it goes even where nothing is normalised."""
    assert vqa_accuracy(' x\n', ['x'] * 10) == 1


@pytest.mark.parametrize('matches, wanted', list(enumerate(
    (0, .3, .6, .9, 1, 1, 1, 1, 1, 1))))
def test_leave_one_out(matches, wanted):
    given = ['red'] * matches + ['blue'] * (10 - matches)
    assert vqa_accuracy('red', given) == pytest.approx(wanted)


def test_overall_and_by_type():
    found = evaluate(VQAv2Accuracy(by_question_type=True),
                     [sample(*case[:4]) for case in CASES])
    wanted = dict(overall=66.6667, number=72.5, other=70., are=30.,
                  what=83.3333, why=30., **{
                      'yes/no': 57.5, 'how many': 72.5, 'is': 66.6667})
    assert {name.removeprefix('vqa/'): round(value, 4)
            for name, value in found.items()} == wanted
    plain = evaluate(VQAv2Accuracy(), [sample(*case[:4]) for case in CASES])
    assert set(plain) == {'vqa/overall', 'vqa/yes/no', 'vqa/number',
                          'vqa/other'}


def test_answers_of_labels():
    """The data set names them; METER's own score stands beside."""
    samples = []
    for label, score in ((0, [1., 0]), (1, [0, .3])):
        made = sample('', 'other', 'what', dict(red=7, blue=3),
                      pred_label=label, gt_score=torch.tensor(score))
        made.pop('pred_answer')
        samples.append(made)
    meta = dict(answers=('red', 'blue'))
    assert evaluate(VQAv2Accuracy(), samples, meta) == {
        'vqa/overall': 95., 'vqa/other': 95., 'vqa/soft_score': pytest.approx(
            65.)}
    with pytest.raises(ConfigError, match='nobody knows their answers'):
        evaluate(VQAv2Accuracy(), samples)
    with pytest.raises(ConfigError, match='predicts label 1, .* has 1 answ'):
        evaluate(VQAv2Accuracy(), samples, dict(answers=('red', )))


def test_no_answers_are_published():
    made = DataSample(metainfo=dict(question_id=3))
    made.set_field('yes', 'pred_answer')
    with pytest.raises(ConfigError, match='VQASubmission'):
        evaluate(VQAv2Accuracy(), [made])


def test_submission(tmp_path):
    """The bytes that the server takes: ids are numbers, indent 4."""
    out = tmp_path / 'new' / 'answers.json'
    samples = []
    for number, answer in ((262148000, 'yes'), (5, 'unknown'), (7, '2')):
        made = DataSample(metainfo=dict(question_id=number))
        made.set_field(answer, 'pred_answer')
        samples.append(made)
    assert evaluate(VQASubmission(str(out)), samples) == {
        'submission/answers': 3.}
    assert out.read_text() == json.dumps([
        dict(question_id=262148000, answer='yes'),
        dict(question_id=5, answer='unknown'),
        dict(question_id=7, answer='2')], indent=4)
    with pytest.raises(DataError, match='more than once'):
        evaluate(VQASubmission(str(out)), [samples[0], samples[0]])


def recall_by_sorting(scores, image_of):
    """METER's formula: is the right one among the first k?"""
    found = {}
    for k in (1, 5, 10):
        best = scores.topk(k, dim=1).indices
        found[f'retrieval/TR@{k}'] = 100 * (
            (image_of[best] == torch.arange(len(scores))[:, None]).any(1)
        ).double().mean().item()
        best = scores.topk(k, dim=0).indices
        found[f'retrieval/IR@{k}'] = 100 * (
            (best == image_of[None]).any(0)).double().mean().item()
    return found


def test_recall_is_meters():
    """On random scores, texts of an image together or apart."""
    torch.manual_seed(0)
    scores = torch.rand(50, 250)
    for image_of in (torch.arange(250) // 5, torch.arange(250) % 50):
        found = evaluate(ImageTextRecall(), as_samples(scores, image_of))
        wanted = recall_by_sorting(scores, image_of)
        assert found == {name: pytest.approx(value, abs=1e-4)
                         for name, value in wanted.items()}


def test_recall_of_the_best_and_of_nothing():
    """All pairs equal is no success: ties count against the model."""
    image_of = torch.arange(60) // 5
    perfect = torch.zeros(12, 60)
    perfect[image_of, torch.arange(60)] = 1
    found = evaluate(ImageTextRecall(), as_samples(perfect, image_of))
    assert set(found.values()) == {100.} and len(found) == 6
    found = evaluate(ImageTextRecall(topk=(1, 5)),
                     as_samples(torch.zeros(12, 60), image_of))
    assert set(found.values()) == {0.} and len(found) == 4


def test_image_without_text_asks_nothing():
    """In a gallery whose texts are cut, it only stands in the way."""
    scores = torch.tensor([[.1, .2], [.9, .3], [.5, .4]])
    samples = as_samples(scores, torch.tensor([0, 1]))
    assert [one.direction for one in samples] == ['TR', 'TR', 'IR', 'IR']
    found = evaluate(ImageTextRecall(topk=1), samples)
    assert found == {'retrieval/TR@1': 0., 'retrieval/IR@1': 0.}
    found = evaluate(ImageTextRecall(topk=2), samples)
    assert found == {'retrieval/TR@2': 100., 'retrieval/IR@2': 50.}
    assert np.isfinite(list(found.values())).all()
