"""An epoch without a step is an error before it begins."""

from types import SimpleNamespace

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.engine.hooks import CheckDataHook
from lm4ve_mm.engine.schedulers import StepWarmupCosineLR


def runner(world=1, val=4, sampler=DefaultSampler, **options):
    """18 training samples."""
    def loader(count, **given):
        data = list(range(count))
        with_sampler = dict(sampler=sampler(data)) if count else {}
        return DataLoader(data, **with_sampler, **given)

    train = loader(18, **options)
    if world > 1:
        train.sampler.num_samples = 18 // world
    return SimpleNamespace(train_dataloader=train, world_size=world,
                           val_dataloader=loader(val), val_loop=object(),
                           test_dataloader=loader(0))


@pytest.mark.parametrize('world, batch, words', [
    (1, 19, ('18 samples', 'batch_size is 19,', 'to 18 or less')),
    (2, 10, ('18 samples', 'batch_size is 10 in each of 2 processes',
             'to 9 or less'))])
def test_no_batch(world, batch, words):
    with pytest.raises(RunError) as caught:
        CheckDataHook().before_train(
            runner(world, batch_size=batch, drop_last=True))
    for part in (*words, 'train_dataloader has no batch', 'drop_last'):
        assert part in str(caught.value), part


@pytest.mark.parametrize('options', [
    dict(batch_size=18, drop_last=True), dict(batch_size=99),
    dict(world=2, batch_size=9, drop_last=True),
    dict(batch_size=7, drop_last=True, sampler=InfiniteSampler)], ids=str)
def test_one_batch_is_enough(options):
    CheckDataHook().before_train(runner(**options))


def test_no_sample():
    with pytest.raises(RunError, match='val_dataloader has no sample'):
        CheckDataHook().before_train(runner(val=0, batch_size=2))
    with pytest.raises(RunError, match='test_dataloader has no sample'):
        CheckDataHook().before_test(runner(batch_size=2))


def test_schedule_by_steps_says_it_first():
    """MMEngine builds schedules before any hook is called."""
    with pytest.raises(RunError, match='smaller than one batch'):
        StepWarmupCosineLR.build_iter_from_epoch(
            None, warmup=5, end=40, epoch_length=0, min_ratio=.1)
