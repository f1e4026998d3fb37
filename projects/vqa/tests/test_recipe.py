"""The recipes as numbers: groups, rates by step, accumulation, sizes."""

import copy
import functools
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lm4ve_vqa.engine import AccumulateHook, WarmupLinearLR
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = sorted(leaf for leaf in CONFIGS.glob('meter*.py')
                if leaf.stem.endswith(('_vqav2', '_flickr30k')))
# Setting -> config, base rate, head x, fusion x.
SETTINGS = dict(
    METER_VQA=('meter_b16_576px_vqav2', 5e-6, 50, 5),
    AbSViT_VQA=('meter_vqav2', 1e-5, 50, 10),
    METER_Flickr=('meter_b16_384px_flickr30k', 5e-6, 5, 5),
    AbSViT_Flickr=('meter_flickr30k', 1e-5, 5, 10))
# B.2: rate over base at the steps t of T = 100.
FACTORS = {0: 0., 1: .1, 10: 1., 11: .9888888889, 50: .5555555556,
           99: .01111111111}
parsed = functools.cache(apis.load_config)


def load(name):
    """A config of ours, read once; what it gives may be changed."""
    cfg = copy.deepcopy(parsed(CONFIGS / f'{name}.py'))
    init_default_scope(cfg.default_scope)
    return cfg


@pytest.mark.parametrize('setting', SETTINGS)
def test_rates(setting):
    """B.2, of the four settings."""
    name, base, head, cross = SETTINGS[setting]
    cfg = load(name)
    assert cfg.optim_wrapper.optimizer.lr == base
    times = cfg.optim_wrapper.paramwise_cfg
    assert (times.head_lr_mult, times.cross_modal_lr_mult,
            times.inserted_lr_mult) == (head, cross, 10)
    assert cfg.train_cfg.max_epochs == 10
    given = dict(cfg.param_scheduler, type='lm4ve_mm.WarmupLinearLR')
    built = build_optim_wrapper(nn.Linear(2, 2), dict(
        type='mmengine.OptimWrapper', optimizer=dict(type='AdamW', lr=base)))
    # 10 epochs of 10 iterations.
    schedule = PARAM_SCHEDULERS.build(dict(given), default_args=dict(
        optimizer=built, epoch_length=10))
    found = []
    for _ in range(100):
        found.append(built.param_groups[0]['lr'])
        schedule.step()
    for step, factor in FACTORS.items():
        assert found[step] == pytest.approx(base * factor, rel=1e-9), step


def test_rates_are_those_of_steps():
    """Pitfall 31: with accumulation every step is METER's, not its first
    iteration's."""
    wrapper = build_optim_wrapper(nn.Linear(2, 2), dict(
        type='mmengine.OptimWrapper', accumulative_counts=4,
        optimizer=dict(type='AdamW', lr=1.)))
    schedule = WarmupLinearLR(wrapper, end=403, by_epoch=False)
    found = []
    for _ in range(403):
        found.append(wrapper.param_groups[0]['lr'])
        schedule.step()
    for step, factor in FACTORS.items():
        assert found[4 * step:4 * step + 4] == pytest.approx(
            [factor] * 4, rel=1e-9)
    assert found[400:] == [0., 0., 0.]


def test_schedule_of_nothing():
    wrapper = build_optim_wrapper(nn.Linear(2, 2), dict(
        type='mmengine.OptimWrapper', optimizer=dict(type='SGD', lr=1.)))
    with pytest.raises(ConfigError, match='needs a ratio'):
        WarmupLinearLR(wrapper, warmup_ratio=1., end=5)
    with pytest.raises(RunError, match='no iteration'):
        WarmupLinearLR.build_iter_from_epoch(wrapper, end=5, epoch_length=0)
    with pytest.raises(ConfigError, match='iterations already'):
        WarmupLinearLR.build_iter_from_epoch(
            wrapper, end=5, epoch_length=2, by_epoch=False)


def runner_with(batch_size, enable=False, **options):
    wrapper = build_optim_wrapper(nn.Linear(2, 2), dict(
        type='mmengine.OptimWrapper', optimizer=dict(type='SGD', lr=1.),
        **options))
    return SimpleNamespace(
        optim_wrapper=wrapper, cfg=dict(auto_scale_lr=dict(enable=enable)),
        train_dataloader=SimpleNamespace(batch_size=batch_size))


@pytest.mark.parametrize('batch_size, steps', [(32, 16), (100, 5), (600, 1)])
def test_accumulates_to_512(batch_size, steps):
    """512 over what is seen at once, rounded down; seen in the gradient."""
    runner = runner_with(batch_size)
    AccumulateHook(512).before_run(runner)
    wrapper = runner.optim_wrapper
    wrapper.initialize_count_status(nn.Linear(2, 2), 0, 100 * steps)
    weight = wrapper.param_groups[0]['params'][0]
    seen = []
    for _ in range(2 * steps):
        before = weight.clone()
        wrapper.update_params(weight.sum())
        seen.append(not torch.equal(weight, before))
    assert seen == 2 * [*[False] * (steps - 1), True]


def test_who_says_how_much_is_accumulated():
    with pytest.raises(ConfigError, match='accumulative_counts=2 and'):
        AccumulateHook(512).before_run(runner_with(32, accumulative_counts=2))
    with pytest.raises(ConfigError, match='leave out --auto-scale-lr'):
        AccumulateHook(512).before_run(runner_with(32, enable=True))
    AccumulateHook(512).before_run(SimpleNamespace(optim_wrapper=dict()))


@pytest.mark.parametrize('leaf', LEAVES, ids=lambda leaf: leaf.stem)
def test_sizes_agree(leaf):
    """Image size, length of texts, answers: of the data and the model."""
    cfg = load(leaf.stem)
    size = cfg.model.image_encoder.image_size
    vqa = leaf.stem.endswith('vqav2')
    task = 'VQA' if vqa else 'Retrieval'
    assert cfg.model.type == f'lm4ve_mm.METERFor{task}'
    for stage in ('train', 'val', 'test'):
        steps = {step.type.split('.')[-1]: step for step in cfg[
            f'{stage}_dataloader'].dataset.pipeline}
        assert steps['ResizeCrop'].size == size
        assert steps['Tokenise'].max_length == (50 if vqa else 40)
        assert 'RandomFlip' not in steps
    assert cfg.data_preprocessor.to_rgb is False
    if vqa:
        assert cfg.model.head.num_answers == 3129
        assert cfg.model.head.answers == cfg.train_dataloader.dataset.answers
    assert cfg.optim_wrapper.dtype == 'bfloat16'
    assert dict(type='lm4ve_mm.AccumulateHook', batch_size=512
                ) in cfg.custom_hooks
    assert cfg.custom_imports.imports == ['lm4ve_mm.plugin', 'lm4ve_vqa']


@pytest.mark.parametrize('data', ['vqav2', 'flickr30k'])
def test_twins_differ_by_the_neck(data):
    plain, llama = load(f'meter_{data}'), load(f'meter_llama_{data}')
    neck = llama.model.pop('neck')
    assert neck.type == 'lm4ve_mm.TokenInsertNeck'
    assert neck.llm.checkpoint == 'checkpoints/llama-7b'
    assert llama.model.pop('tokens') == 'image'
    assert llama.model == plain.model
    for name in (f'meter_mlp_{data}', f'meter_llama_random_trained_{data}'):
        control = load(name)
        control.model.pop('tokens')
        llm = control.model.pop('neck').llm
        assert control.model == plain.model
        assert llm.get('trainable') or llm.type == 'lm4ve_mm.MLPLayer'
    built = MODELS.build(dict(type='lm4ve_mm.MLPLayer', embed_dims=8,
                              hidden_dims=16, map_init='trunc_normal'))
    assert built(torch.zeros(1, 2, 8)).shape == (1, 2, 8)
