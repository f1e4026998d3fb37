"""A resumed run is bit for bit the run that was never interrupted."""

import random

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader, Dataset

from lm4ve_mm.engine.seeding import seed_all, seed_worker


def draws():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_seed_all_repeats_and_separates():
    seen = set()
    for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (2**40, 0, 0)]:
        seed_all(*key)
        first = draws()
        seed_all(*key)
        assert draws() == first
        seen.update(first)
    assert len(seen) == 15


class Draws(Dataset):
    """Each item is what a worker draws."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor(draws(), dtype=torch.float64)


def test_workers_draw_anew_each_epoch_and_repeatably():
    loader = DataLoader(Draws(), num_workers=2, worker_init_fn=seed_worker)

    def epoch():
        return torch.cat(list(loader))

    seed_all(0, 0, 0)
    first, second = epoch(), epoch()
    assert len(torch.unique(torch.cat([first, second]))) == 48
    seed_all(0, 0, 0)
    assert torch.equal(epoch(), first)


def flat(checkpoint):
    """All tensors of weights, average and optimiser, by name."""
    out = {}

    def walk(prefix, value):
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f'{prefix}.{key}', item)
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                walk(f'{prefix}.{i}', item)
        else:
            out[prefix] = value

    for name in ('state_dict', 'ema_state_dict', 'optimizer',
                 'param_schedulers'):
        walk(name, checkpoint[name])
    return out


def same(a, b):
    a, b = flat(a), flat(b)
    assert a.keys() == b.keys() and len(a) > 100
    return all(
        torch.equal(value, b[key]) if torch.is_tensor(value) else value ==
        b[key] for key, value in a.items())


def interrupt_and_resume(cfg, train, load, work_dir):
    """Last checkpoint of a run cut in its second epoch, then resumed."""
    cfg.work_dir = str(work_dir)
    train(cfg, cut_at_iter=4)
    assert not (work_dir / 'epoch_2.pth').exists()
    cfg.resume = True
    train(cfg)
    return load(work_dir / 'epoch_3.pth')


@pytest.mark.parametrize('num_workers', [0, 1])
def test_resume_is_exact(tmp_path, train, digits, num_workers):
    cfg = digits.config(tmp_path / 'whole', num_workers)
    train(cfg)
    whole = digits.load(tmp_path / 'whole' / 'epoch_3.pth')
    resumed = interrupt_and_resume(cfg, train, digits.load,
                                   tmp_path / 'resumed')
    assert same(whole, resumed)


def test_every_epoch_draws_anew(tmp_path, train, digits):
    """Three epochs of three steps."""
    seeds = []
    train(digits.config(tmp_path), hooks=[digits.At(
        'before_train_iter', lambda _: seeds.append(torch.initial_seed()))])
    assert [seeds.count(seed) for seed in seeds] == [3] * 9


def test_without_the_hook_it_is_not(tmp_path, train, digits):
    """Guards the test above: its run has randomness to lose."""
    hooks = [digits.ema, digits.plain]
    cfg = digits.config(tmp_path / 'whole', hooks=hooks)
    train(cfg)
    whole = digits.load(tmp_path / 'whole' / 'epoch_3.pth')
    resumed = interrupt_and_resume(cfg, train, digits.load,
                                   tmp_path / 'resumed')
    assert not same(whole, resumed)


def test_a_drawn_seed_is_resumed_too(tmp_path, train, digits):
    cfg = digits.config(tmp_path / 'first')
    cfg.randomness.seed = None
    runner = train(cfg, cut_at_iter=4)
    file = tmp_path / 'first' / 'epoch_1.pth'
    seed = digits.load(file)['meta']['seed']
    assert runner.seed == seed
    whole = Config(dict(cfg._cfg_dict, work_dir=str(tmp_path / 'whole')))
    whole.randomness = dict(seed=seed)
    train(whole)
    cfg.resume = True
    runner = train(cfg)
    assert runner.seed == runner.train_dataloader.sampler.seed == seed
    assert same(
        digits.load(tmp_path / 'first' / 'epoch_3.pth'),
        digits.load(tmp_path / 'whole' / 'epoch_3.pth'))


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr('lm4ve_mm.engine.hooks.epoch_seed_hook.print_log',
                        lambda message, **_: messages.append(message))
    return messages


def test_persistent_workers_are_warned_of_once(tmp_path, train, digits,
                                               warnings):
    cfg = digits.config(tmp_path, num_workers=1)
    cfg.train_dataloader.persistent_workers = True
    train(cfg)
    assert len(warnings) == 1
    assert 'train_dataloader.persistent_workers=False' in warnings[0]


def test_repeating_workers_are_warned_of(tmp_path, train, digits, warnings):
    cfg = digits.config(tmp_path, num_workers=1)
    train(cfg)
    assert not warnings
    del cfg.train_dataloader['worker_init_fn']
    train(cfg)
    assert len(warnings) == 1 and 'lm4ve_mm.seed_worker' in warnings[0]


def test_iteration_based_training_is_left_alone(tmp_path, train, digits,
                                                warnings, monkeypatch):
    calls = []
    monkeypatch.setattr('lm4ve_mm.engine.hooks.epoch_seed_hook.seed_all',
                        lambda *key: calls.append(key))
    cfg = digits.config(tmp_path, hooks=[digits.seed])
    cfg.train_cfg = dict(
        type='mmengine.IterBasedTrainLoop', max_iters=3)
    cfg.param_scheduler = None
    train(cfg)
    assert not calls and len(warnings) == 1
    assert 'iteration-based' in warnings[0]
