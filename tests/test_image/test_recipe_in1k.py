"""The ImageNet recipe of the paper, number by number.

Sources: arXiv 2310.12973, C.1 and table 1, and the code released with it.
"""

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATA_SAMPLERS, FUNCTIONS, MODELS
from mmengine.registry import init_default_scope as use_scope

from ..recipes import (
    THIN_LLAMA,
    different_keys,
    group_of_each,
    indexed,
    read,
    without_values,
)

TWINS = [f'vit_{size}{llm}_in1k' for size in 'tsb' for llm in ('', '_llama')]
COUNTS = dict(
    vit_t_in1k=5_717_416,
    vit_t_llama_in1k=7_290_280,
    vit_s_in1k=22_050_664,
    vit_s_llama_in1k=25_196_392,
    vit_b_in1k=86_567_656,
    vit_b_llama_in1k=92_859_112)
every_twin = pytest.mark.parametrize('name', TWINS)


def build(cfg):
    """The model, around a block of LLaMA-7B's width without its bulk."""
    use_scope(cfg.default_scope)
    model = cfg.model.copy()
    model.data_preprocessor = cfg.data_preprocessor
    if model.neck:
        model.neck.llm = dict(
            THIN_LLAMA, map_init=model.neck.llm.map_init)
    return MODELS.build(model)


@every_twin
def test_trainable_parameters(name):
    with without_values():
        model = build(read(name))
    assert sum(p.numel() for p in model.parameters()) == COUNTS[name]


@pytest.mark.parametrize('name', ['vit_t_in1k', 'vit_t_llama_in1k'])
def test_parameter_groups(name):
    cfg = read(name)
    with without_values():
        model = build(cfg)
    optimizer, group_of = group_of_each(model, cfg.optim_wrapper)
    assert type(optimizer).__name__ == 'AdamW'
    for key, parameter in model.named_parameters():
        group = group_of[key]
        plain = parameter.ndim == 1 or key.endswith(('.cls_token',
                                                     '.pos_embed'))
        assert group['weight_decay'] == (0. if plain else .05), key
        assert group['lr'] == 1e-3, key
        assert group['betas'] == (.9, .999) and group['eps'] == 1e-8


@every_twin
def test_host(name):
    cfg = read(name)
    host = cfg.model.backbone
    widths = dict(t='deit-tiny', s='deit-small', b='deit-base')
    assert host.arch == widths[name[4]]
    assert (host.img_size, host.patch_size) == (224, 16)
    assert host.drop_path_rate == .1
    loss = cfg.model.head.loss
    assert (loss.label_smooth_val, loss.mode) == (.1, 'original')
    mixup, cutmix = cfg.model.train_cfg.augments
    assert (mixup.type, mixup.alpha) == ('mmpretrain.Mixup', .8)
    assert (cutmix.type, cutmix.alpha) == ('mmpretrain.CutMix', 1.)


def test_drop_path_and_norms_as_built():
    host = build(read('vit_t_llama_in1k')).backbone
    rates = [layer.ffn.dropout_layer.drop_prob for layer in host.layers]
    assert rates == pytest.approx(np.linspace(0, .1, 12))
    rates = [layer.attn.out_drop.drop_prob for layer in host.layers]
    assert rates == pytest.approx(np.linspace(0, .1, 12))
    assert all(layer.ln1.eps == 1e-6 for layer in host.layers)


def test_batch_augments_are_even():
    """Always one of the two, each half of the time, once per batch."""
    augments = build(read('vit_t_in1k')).data_preprocessor.batch_augments
    assert len(augments.augments) == 2
    assert augments.probs is None  # mmpretrain: evenly


def test_initialisation():
    model = build(read('vit_t_in1k'))
    model.init_weights()
    for layer in (model.head.layers.head, model.backbone.layers[0].attn.qkv):
        assert layer.weight.std().item() == pytest.approx(.02, rel=.02)
        assert not layer.bias.any()
    assert model.backbone.pos_embed.std().item() == pytest.approx(
        .02, rel=.02)


@every_twin
def test_schedule(name):
    cfg = read(name)
    assert cfg.train_cfg.max_epochs == 300
    assert cfg.param_scheduler == dict(
        type='lm4ve_mm.WarmupCosineLR',
        warmup_epochs=20,
        warmup_lr=1e-6,
        min_lr=1e-5,
        max_epochs=300)
    assert cfg.auto_scale_lr.base_batch_size == 1024
    assert cfg.train_dataloader.batch_size * 4 == 1024
    assert cfg.randomness.seed == 0 and cfg.env_cfg.cudnn_benchmark
    ema = cfg.custom_hooks[0]
    assert (ema.type, ema.momentum) == ('lm4ve_mm.RawEvalEMAHook', 4e-5)


@every_twin
def test_training_images(name):
    loader = read(name).train_dataloader
    _, crop, flip, augment, erase, _ = loader.dataset.pipeline
    assert (crop.scale, crop.interpolation) == (224, 'bicubic')
    assert flip.prob == .5
    # rand-m9-mstd0.5-inc1
    assert augment.policies == 'timm_increasing'
    assert (augment.num_policies, augment.magnitude_level,
            augment.total_level, augment.magnitude_std) == (2, 9, 10, .5)
    assert (erase.erase_prob, erase.mode) == (.25, 'rand')
    assert loader.sampler.type == 'mmpretrain.RepeatAugSampler'
    assert loader.sampler.num_repeats == 3
    assert not loader.persistent_workers
    assert FUNCTIONS.get(loader.worker_init_fn.type) is not None


def test_steps_per_epoch(monkeypatch):
    """DeiT's count: floor(N / 256 * 256 / world) images of each rank."""
    loader = read('vit_s_in1k').train_dataloader
    images = range(1_281_167)
    monkeypatch.setattr('mmpretrain.datasets.samplers.repeat_aug'
                        '.get_dist_info', lambda: (1, 4))
    sampler = DATA_SAMPLERS.build(
        loader.sampler, default_args=dict(dataset=images, seed=0))
    theirs = len(images) // 256 * 256 // 4
    assert loader.drop_last
    assert len(sampler) // loader.batch_size == theirs // 256 == 1251


def test_validation_images():
    cfg = read('vit_s_in1k')
    assert cfg.test_dataloader == cfg.val_dataloader
    _, resize, crop, _ = cfg.val_dataloader.dataset.pipeline
    assert (resize.scale, resize.edge) == (256, 'short')
    assert resize.interpolation == 'bicubic'
    assert crop.crop_size == 224
    sampler = cfg.val_dataloader.sampler
    assert DATA_SAMPLERS.get(sampler.type) is DefaultSampler
    assert not sampler.shuffle
    assert cfg.data_preprocessor.mean == [123.675, 116.28, 103.53]
    assert cfg.data_preprocessor.std == [58.395, 57.12, 57.375]


def test_colour_jitter_of_deit_has_no_effect():
    """Why the pipeline has none: timm drops it beside RandAugment."""
    timm = pytest.importorskip('timm.data')
    transforms = timm.create_transform(
        224,
        is_training=True,
        color_jitter=.4,
        auto_augment='rand-m9-mstd0.5-inc1',
        interpolation='bicubic',
        re_prob=.25,
        re_mode='pixel').transforms
    names = [type(transform).__name__ for transform in transforms]
    assert 'RandAugment' in names and 'ColorJitter' not in names


@pytest.mark.parametrize('size', 'tsb')
def test_twins_differ_by_the_neck(size):
    llama = read(f'vit_{size}_llama_in1k')
    different = different_keys(read(f'vit_{size}_in1k'), llama)
    host = {'.model.backbone.out_type', '.model.backbone.final_norm'}
    assert host <= different
    assert all(
        key.startswith(('.model.neck', '.llm.')) for key in different - host)
    assert llama.model.neck.llm.layers == (-1, )
    assert llama.model.neck.llm.map_init == 'trunc_normal'


def test_the_language_model_is_one_option_away():
    cfg = read('vit_s_llama_in1k')
    cfg.merge_from_dict({'model.neck.llm.checkpoint': 'elsewhere'})
    assert cfg.model.neck.llm.checkpoint == 'elsewhere'
    assert cfg.model.neck.llm.layers == (-1, )


@pytest.mark.parametrize('name', TWINS)
def test_metafile_agrees(name):
    """The model index has each twin, its count and the leaf's number."""
    entry, text = indexed(name)
    top1 = entry['Results'][0]['Metrics']['Top 1 Accuracy']
    assert f'Expected top-1: {top1}' in text
    assert entry['Metadata']['Trainable Parameters'] == COUNTS[name]
