"""Votes: what is averaged, what is shared, what is reported."""

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample
from torch import nn

from lm4ve_mm.ops import farthest_point_sample, gather_points
from lm4ve_mm.registry import METRICS, MODELS

SMALL = dict(num_layers=1, num_groups=16, group_size=8, num_heads=2,
             feedforward_channels=48)


@pytest.fixture()
def model(golden):
    torch.manual_seed(0)
    cfg = golden.classifier(backbone=SMALL, embed_dims=24, num_classes=15)
    cfg['data_preprocessor']['num_points'] = 64
    return golden.build(cfg)


@pytest.fixture()
def clouds():
    """Three clouds of 75 points, in the order of their sampling."""
    points = torch.randn(3, 200, 3, generator=torch.Generator().manual_seed(1))
    return gather_points(points, farthest_point_sample(points, 75))


def vote(model, clouds, **options):
    wrapper = MODELS.build(
        dict(type='lm4ve_mm.PointVoteTTA', module=model, **options))
    samples = [DataSample().set_gt_label(i) for i in range(len(clouds))]
    return wrapper.test_step(dict(inputs=list(clouds), data_samples=samples))


def test_mean_of_raw_logits(model, clouds):
    torch.manual_seed(3)
    samples = vote(model, clouds, num_votes=4, num_runs=2)
    torch.manual_seed(3)
    with torch.no_grad():
        votes = [model(model.data_preprocessor.augment(clouds))
                 for _ in range(8)]
    wanted = torch.stack([sum(votes[:4]) / 4, sum(votes[4:]) / 4], 1)
    found = torch.stack([sample.vote_logits for sample in samples])
    torch.testing.assert_close(found, wanted)
    # The mean of softmax would order some differently, and sums to one.
    assert not torch.allclose(found.sum(-1), torch.ones(3, 2), atol=1e-2)
    # Runs differ: each draws anew.
    assert not torch.allclose(found[:, 0], found[:, 1])


def test_plain_prediction_is_that_of_the_test_pipeline(model, clouds):
    """By the prefix property of farthest point sampling."""
    samples = vote(model, clouds, num_votes=1, num_runs=1)
    again = gather_points(clouds, farthest_point_sample(clouds, 64))
    assert torch.equal(again, clouds[:, :64])
    plain = model.test_step(dict(inputs=list(clouds[:, :64])))
    for sample, wanted in zip(samples, plain, strict=True):
        assert torch.equal(sample.pred_score, wanted.pred_score)
    assert [int(sample.gt_label) for sample in samples] == [0, 1, 2]


def test_centres_are_the_first_samples(model, clouds):
    _, centres = model.backbone.group(clouds)
    assert torch.equal(centres, clouds[:, :16])


def test_defaults_are_upstreams(model):
    wrapper = MODELS.build(dict(type='lm4ve_mm.PointVoteTTA', module=model))
    assert (wrapper.num_votes, wrapper.num_runs) == (10, 9)


@pytest.mark.parametrize('option', ['num_votes', 'num_runs'])
def test_nothing_to_count(model, option):
    with pytest.raises(ValueError, match=f'{option}=0'):
        MODELS.build(dict(
            type='lm4ve_mm.PointVoteTTA', module=model, **{option: 0}))


def samples_of(rows):
    """(label, plain guess, guesses by vote) -> predictions."""
    scores = torch.eye(4)
    return [
        dict(gt_label=torch.tensor([label]), pred_score=scores[plain],
             **(dict(vote_logits=7 * scores[list(votes)]) if votes else {}))
        for label, plain, votes in rows
    ]


def evaluate(*batches):
    metric = METRICS.build(dict(type='lm4ve_mm.VoteAccuracy'))
    for batch in batches:
        metric.process(None, samples_of(batch))
    return metric.evaluate(sum(len(batch) for batch in batches))


def test_best_and_mean_of_the_runs():
    found = evaluate(
        [(0, 0, (0, 0, 1)), (1, 0, (1, 1, 1))],
        [(2, 2, (0, 2, 2)), (3, 3, (0, 3, 3))])
    assert found == pytest.approx({
        'accuracy/top1': 75.,
        'accuracy/vote_best': 100.,
        'accuracy/vote_mean': 75.,  # of 50, 100 and 75
        'accuracy/vote_std': (2 * 25**2 / 3)**0.5
    })


def test_without_votes_it_is_the_plain_accuracy():
    assert evaluate([(0, 0, ()), (1, 0, ())]) == {'accuracy/top1': 50.}


def test_a_guess_beyond_the_classes_is_an_error(golden):
    """Forty outputs for fifteen classes: the largest of all counts."""
    head = golden.build(golden.classifier(num_classes=15)['head'])
    nn.init.zeros_(head.mlp[3].weight)
    nn.init.zeros_(head.mlp[3].bias)
    head.mlp[3].bias.data[20] = 5.
    sample, = head.predict((torch.zeros(1, 768), ),
                           [DataSample().set_gt_label(3)])
    assert int(sample.pred_label) == 20
    evaluator = Evaluator(dict(type='lm4ve_mm.VoteAccuracy'))
    evaluator.process([sample])
    assert evaluator.evaluate(1) == {'accuracy/top1': 0.}
