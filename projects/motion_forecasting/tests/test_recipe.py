"""The recipes as numbers: rates by epoch, decay, clipping, losses."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.registry import MODELS

CONFIGS = Path(__file__).parents[1] / 'configs'
ITERATIONS = 6435  # of an epoch: 205942 scenes, 32 each, the rest dropped


def load(name):
    cfg = apis.load_config(CONFIGS / f'{name}.py')
    init_default_scope(cfg.default_scope)
    return cfg


def rates(name, epochs):
    """The rate at the first iterations and at the end of each epoch."""
    cfg = load(name)
    built = build_optim_wrapper(nn.Linear(2, 2), cfg.optim_wrapper)
    schedules = [PARAM_SCHEDULERS.build(one, default_args=dict(
        optimizer=built)) for one in cfg.param_scheduler]
    group, = built.optimizer.param_groups
    warm, by_epoch = [], []
    for epoch in range(epochs):
        for _ in range(ITERATIONS):
            if epoch == 0:
                warm.append(group['lr'])
            for schedule in schedules:
                if not schedule.by_epoch:
                    schedule.step()
        by_epoch.append(group['lr'])
        for schedule in schedules:
            if schedule.by_epoch:
                schedule.step()
    return warm, by_epoch


def test_vectornet_rates():
    """Warm-up from 5e-7 in 1001 iterations, then a cosine to 5e-5."""
    assert 205942 // 32 == ITERATIONS
    warm, by_epoch = rates('vectornet_llama_av1', 60)
    assert warm[0] == pytest.approx(5e-7)
    assert warm[500] == pytest.approx((5e-7 + 5e-4) / 2)
    assert warm[1000] == pytest.approx(5e-4)
    assert warm[1001:] == pytest.approx([5e-4] * (ITERATIONS - 1001))
    wanted = [5e-5 + 4.5e-4 * (1 + math.cos(math.pi * epoch / 60)) / 2
              for epoch in range(60)]
    assert by_epoch == pytest.approx(wanted, rel=1e-9)
    assert by_epoch[30] == pytest.approx(2.75e-4)
    assert load('vectornet_llama_av1').train_cfg.max_epochs == 60


def test_mmtransformer_rates():
    """A quarter at 20, 24 and 28."""
    warm, by_epoch = rates('mmtransformer_llama_av1', 32)
    assert warm[0] == pytest.approx(5e-7)
    wanted = ([5e-4] * 20 + [1.25e-4] * 4 + [3.125e-5] * 4 + [7.8125e-6] * 4)
    assert by_epoch == pytest.approx(wanted, rel=1e-9)
    assert load('mmtransformer_llama_av1').train_cfg.max_epochs == 32


@pytest.mark.parametrize('name', [
    'vectornet_av1', 'vectornet_llama_av1', 'mmtransformer_av1',
    'mmtransformer_llama_av1', 'vectornet_llama_av2'])
def test_optimiser_and_loaders(name):
    cfg = load(name)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == (
        'AdamW', 5e-4, 1e-4)
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=.1, norm_type=2)
    assert cfg.train_dataloader.batch_size == 32
    assert cfg.train_dataloader.drop_last is True
    assert cfg.auto_scale_lr.base_batch_size == 32
    assert cfg.val_evaluator.ade_of == 'best_fde'
    assert cfg.val_evaluator.num_guesses == (1, 6)
    assert cfg.val_evaluator.miss_threshold == 2.


def test_one_group_without_the_block():
    """All that is trained is in one group; the frozen block in none."""
    cfg = load('vectornet_llama_av1')
    cfg.model.neck.llm = dict(init='random', geometry=dict(
        width=32, num_heads=4, ffn_dim=64))
    model = MODELS.build(cfg.model)
    built = build_optim_wrapper(model, cfg.optim_wrapper)
    group, = built.optimizer.param_groups
    count = sum(p.numel() for p in group['params'])
    assert count == 1_633_417 + 2 * 32 * 256
    assert len(model.neck.layer.frozen_tensors()) >= 9


def test_clip():
    cfg = load('vectornet_av1')
    model = nn.Linear(4, 4)
    built = build_optim_wrapper(model, cfg.optim_wrapper)
    (1e3 * model(torch.ones(2, 4)).sum()).backward()
    built.step()
    norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt()
    assert norm == pytest.approx(.1, rel=1e-5)


def test_models_of_the_paper_are_the_references():
    """Widths, modes, features; the mirror of mmTransformer alone."""
    vectornet, mmt = load('vectornet_av1'), load('mmtransformer_av1')
    built = MODELS.build(vectornet.model)
    assert sum(p.numel() for p in built.parameters()) == 1_633_417
    assert sum(p.numel() for p in MODELS.build(mmt.model).parameters()
               ) == 2_208_989
    assert not built.target_only
    assert mmt.model.place == 'after_social'
    kinds = [[step.type for step in cfg.train_dataloader.dataset.pipeline]
             for cfg in (vectornet, mmt)]
    assert kinds == [['lm4ve_mm.PackScene'],
                     ['lm4ve_mm.FlipScene', 'lm4ve_mm.PackScene']]
    assert [cfg.test_dataloader.dataset.featuriser for cfg in (
        vectornet, mmt)] == [dict(type='lm4ve_mm.VectorNetFeatures'),
                             dict(type='lm4ve_mm.MMTransformerFeatures')]
