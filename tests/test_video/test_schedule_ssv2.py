"""Rates and groups of the SSv2 recipe, step by step.

Sources: as in test_recipe_ssv2.py; VideoMAE's fine-tuning code above all.
"""

import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner

from ..recipes import SSV2_VIDEOS, group_of_each, read
from .ssv2_models import built, every_leaf, size_of

DECAY = dict(s=.7, b=.75)
LR = dict(s=9.375e-5, b=2.34375e-5)
MIN_LR = dict(s=1e-6 * 24 / 256, b=1e-6 * 12 / 256)
EPOCHS = dict(s=40, b=30)


def layer_of(key):
    """VideoMAE's layer of a parameter: patches 0, blocks 1 to 12, rest 13."""
    if key.startswith('backbone.patch_embed'):
        return 0
    if key.startswith('backbone.blocks'):
        return 1 + int(key.split('.')[2])
    return 13


@every_leaf
def test_parameter_groups(name):
    """Layer decay over 12 blocks; maps, norm and head at the whole rate."""
    cfg, size = read(name), size_of(name)
    model = built(name)
    optimizer, group_of = group_of_each(model, cfg.optim_wrapper)
    assert type(optimizer).__name__ == 'AdamW'
    seen = set()
    for key, parameter in model.named_parameters():
        group, layer = group_of[key], layer_of(key)
        scale = DECAY[size]**(13 - layer)
        assert group['lr'] == pytest.approx(LR[size] * scale, rel=1e-12), key
        plain = parameter.ndim == 1
        assert group['weight_decay'] == (0. if plain else .05), key
        assert group['betas'] == (.9, .999) and group['eps'] == 1e-8
        seen.add(layer)
    assert seen == set(range(14))
    if model.with_neck:
        for key in ('map_in', 'map_out'):
            group = group_of[f'neck.layer.{key}.weight']
            assert (group['lr'], group['weight_decay']) == (LR[size], .05)


def videomae_schedule(base, low, epochs, steps, warmup=5):
    """VideoMAE's rates, step by step."""
    rising = np.linspace(0, base, warmup * steps)
    count = (epochs - warmup) * steps
    falling = [low + .5 * (base - low) * (1 + math.cos(math.pi * i / count))
               for i in range(count)]
    return np.concatenate([rising, falling])


def rates_of(cfg, optimizer, steps):
    """Step by step, for each group: its rate; and the groups' scales."""
    epochs = cfg.train_cfg.max_epochs
    scheduler = PARAM_SCHEDULERS.build(
        dict(cfg.param_scheduler, end=epochs),
        default_args=dict(optimizer=optimizer, epoch_length=steps))
    groups, rates = optimizer.param_groups, []
    for _ in range(epochs * steps):
        rates.append([group['lr'] for group in groups])
        optimizer.step()
        scheduler.step()
    return rates, [group['lr_scale'] for group in groups]


@pytest.mark.parametrize('size', 'sb')
def test_every_step_of_every_layer(size):
    """With 20 steps an epoch, and the ends of the true 7038 or 14076."""
    cfg = read(f'videomae_{size}_ssv2')
    optimizer, _ = group_of_each(built(f'videomae_{size}_ssv2'),
                                 cfg.optim_wrapper)
    epochs = cfg.train_cfg.max_epochs
    rates, scales = rates_of(cfg, optimizer, 20)
    wanted = videomae_schedule(LR[size], MIN_LR[size], epochs, 20)
    assert len(set(scales)) == 14
    assert np.allclose(rates, np.outer(wanted, scales), rtol=1e-12, atol=0)
    assert rates[0] == [0.] * len(scales)
    assert max(max(row) for row in rates) == pytest.approx(LR[size])
    steps = SSV2_VIDEOS // cfg.auto_scale_lr.base_batch_size
    assert steps == dict(s=7038, b=14076)[size]
    for step in (5 * steps - 1, 5 * steps):
        assert scheduler_of(cfg, steps).lr_at(step, LR[size]) == LR[size]
    last = scheduler_of(cfg, steps).lr_at(epochs * steps - 1, LR[size])
    assert last == pytest.approx(MIN_LR[size], rel=1e-6)


def scheduler_of(cfg, steps):
    parameter = torch.nn.Parameter(torch.zeros(1))
    return PARAM_SCHEDULERS.build(
        dict(cfg.param_scheduler, end=cfg.train_cfg.max_epochs),
        default_args=dict(
            optimizer=torch.optim.SGD([parameter], lr=1.),
            epoch_length=steps))


@every_leaf
def test_schedule(name):
    cfg, size = read(name), size_of(name)
    assert cfg.train_cfg.max_epochs == EPOCHS[size]
    assert cfg.auto_scale_lr.base_batch_size == dict(s=24, b=12)[size]
    assert (cfg.train_dataloader.batch_size * 4
            == cfg.auto_scale_lr.base_batch_size)
    assert cfg.randomness.seed == 0 and cfg.env_cfg.cudnn_benchmark
    assert not any('EMA' in hook.type for hook in cfg.custom_hooks)


@pytest.mark.parametrize('ranks', [1, 8])
@pytest.mark.parametrize('size', 'sb')
def test_auto_scale_keeps_the_shape(size, ranks):
    """Every rate of every layer, the lowest too, times batch over base."""
    cfg = read(f'videomae_{size}_ssv2')
    wrapper = build_optim_wrapper(built(f'videomae_{size}_ssv2'),
                                  cfg.optim_wrapper)
    loader = dict(batch_size=cfg.train_dataloader.batch_size)
    # In the order of Runner.train: the rates, then what schedules them.
    Runner.scale_lr(
        SimpleNamespace(_train_dataloader=loader, world_size=ranks,
                        logger=logging.getLogger('test'),
                        param_schedulers=cfg.param_scheduler),
        wrapper, dict(cfg.auto_scale_lr, enable=True))
    rates, scales = rates_of(cfg, wrapper.optimizer, 4)
    epochs = cfg.train_cfg.max_epochs
    wanted = ranks / 4 * videomae_schedule(LR[size], MIN_LR[size], epochs, 4)
    assert len(set(scales)) == 14
    assert np.allclose(rates, np.outer(wanted, scales), rtol=1e-12, atol=0)
