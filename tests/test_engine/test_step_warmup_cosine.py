"""StepWarmupCosineLR: by hand, its ends, over a resume, its errors."""

import io

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS

from lm4ve_mm.engine.schedulers import StepWarmupCosineLR


def optimizer_of(*lrs):
    return torch.optim.SGD([
        dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=lr)
        for lr in lrs], lr=1.)


def run(optimizer, scheduler, steps):
    rates = []
    for _ in range(steps):
        rates.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return rates


def test_numbers_by_hand():
    """Rates 8 and 4, down to a quarter; no warm-up step is skipped."""
    optimizer = optimizer_of(8., 4.)
    scheduler = StepWarmupCosineLR(
        optimizer, warmup=3, min_ratio=.25, end=7, by_epoch=False)
    rates = run(optimizer, scheduler, 9)
    half = .5**.5  # cos(pi / 4)
    wanted = [0., 4., 8., 8., 2 + 3 * (1 + half), 5., 2 + 3 * (1 - half)]
    assert [row[0] for row in rates[:7]] == pytest.approx(wanted, rel=1e-15)
    assert [2 * row[1] for row in rates] == [row[0] for row in rates]
    # Beyond its end nothing changes any more.
    assert rates[7] == rates[8] == rates[6]
    assert scheduler.lr_at(7, 8.) == scheduler.lr_at(100, 8.) == 2.


@pytest.mark.parametrize(('warmup', 'first'), [(0, 1.), (1, 0.)])
def test_short_warmups(warmup, first):
    """numpy.linspace of one number gives the start, as upstream has it."""
    scheduler = StepWarmupCosineLR(
        optimizer_of(1.), warmup=warmup, min_ratio=0., end=4, by_epoch=False)
    assert scheduler.lr_at(0, 1.) == first
    assert scheduler.lr_at(warmup, 1.) == 1.


def test_epochs_become_steps():
    cfg = dict(type='lm4ve_mm.StepWarmupCosineLR', warmup=2, min_ratio=.1,
               end=5, convert_to_iter_based=True)
    optimizer = optimizer_of(1.)
    scheduler = PARAM_SCHEDULERS.build(
        dict(cfg), default_args=dict(optimizer=optimizer, epoch_length=7))
    assert (scheduler.warmup, scheduler.length) == (14, 35)
    assert not scheduler.by_epoch
    with pytest.raises(ValueError, match='steps already'):
        StepWarmupCosineLR.build_iter_from_epoch(
            optimizer, warmup=2, end=5, epoch_length=7, by_epoch=False,
            min_ratio=.1)


@pytest.mark.parametrize('cut', [2, 9])
def test_resumed_schedule_goes_on(cut):
    """Within the warm-up and within the cosine."""
    def fresh():
        optimizer = optimizer_of(1., .3)
        return optimizer, StepWarmupCosineLR(
            optimizer, warmup=5, min_ratio=.1, end=20, by_epoch=False)

    optimizer, scheduler = fresh()
    whole = run(optimizer, scheduler, 20)
    optimizer, scheduler = fresh()
    run(optimizer, scheduler, cut)
    file = io.BytesIO()
    torch.save((optimizer.state_dict(), scheduler.state_dict()), file)
    file.seek(0)
    for_optimizer, for_scheduler = torch.load(file, weights_only=True)
    optimizer, scheduler = fresh()
    optimizer.load_state_dict(for_optimizer)
    scheduler.load_state_dict(for_scheduler)
    assert run(optimizer, scheduler, 20 - cut) == whole[cut:]


@pytest.mark.parametrize(('wrong', 'words'), [
    (dict(warmup=7, end=7), 'warmup=7 and end=7'),
    (dict(warmup=-1), 'warmup=-1'),
    (dict(end=float('inf')), 'end=inf'),
    (dict(min_ratio=1e3), 'from 0 to 1'),
    (dict(min_ratio=-.1), 'from 0 to 1'),
])
def test_nonsense_is_refused(wrong, words):
    given = dict(dict(warmup=2, min_ratio=.1, end=7), **wrong)
    with pytest.raises(ValueError, match=words):
        StepWarmupCosineLR(optimizer_of(1.), **given)
