"""The SSv2 recipe of the paper, number by number.

Sources: arXiv 2310.12973, C.3 and table 3, the code released with it, and
VideoMAE's fine-tuning code, on which that stands.
"""

import functools
import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, PARAM_SCHEDULERS
from mmengine.registry import init_default_scope as use_scope
from mmengine.runner import Runner

import lm4ve_mm.video  # noqa: F401  (registers the backbone)

from ..recipes import (
    SSV2_CONTROLS,
    SSV2_LEAVES,
    SSV2_TWINS,
    SSV2_VIDEOS,
    THIN_LLAMA,
    different_keys,
    group_of_each,
    indexed,
    named,
    read,
    without_values,
)

K400 = [name.replace('ssv2', 'k400') for name in SSV2_TWINS]
WIDTHS = dict(s=384, b=768)
DECAY = dict(s=.7, b=.75)
LR = dict(s=9.375e-5, b=2.34375e-5)
MIN_LR = dict(s=1e-6 * 24 / 256, b=1e-6 * 12 / 256)
EPOCHS = dict(s=40, b=30)
# Patches, 12 blocks with biases of queries and values, norm, head.
COUNTS = dict(
    videomae_s_ssv2=21_946_926,
    videomae_s_llama_ssv2=21_946_926 + 2 * 384 * 4096,
    videomae_s_mlp_ssv2=21_946_926 + 2 * 384 * 4096 + 2 * 4096,
    videomae_s_llama_random_trained_ssv2=(
        21_946_926 + 2 * 384 * 4096 + 202_387_456),
    videomae_b_ssv2=86_361_006,
    videomae_b_llama_ssv2=86_361_006 + 2 * 768 * 4096)
# LLaMA-7B's block with its final norm, and that of THIN_LLAMA.
BLOCK, THIN_BLOCK = (
    4 * 4096 * heads + 3 * 4096 * hidden + 3 * 4096
    for heads, hidden in ((4096, 11008), (32, 32)))
every_leaf = pytest.mark.parametrize('name', SSV2_LEAVES)


def size_of(name):
    return name.split('_')[1]


def build(cfg):
    use_scope(cfg.default_scope)
    model = cfg.model.copy()
    if 'neck' in model and 'type' not in model.neck.llm:
        given = model.neck.llm
        model.neck.llm = dict(
            THIN_LLAMA, map_init=given.map_init,
            trainable=given.get('trainable', False))
    return MODELS.build(model)


@functools.cache
def built(name):
    """A leaf's model, for tests that look at its names and shapes."""
    with without_values():
        return build(read(name))


def by_hand(width, classes=174):
    block = 12 * width**2 + 2 * width + 6 * width + 4 * width
    patches = 3 * 2 * 16 * 16 * width + width
    return patches + 12 * block + 2 * width + classes * (width + 1)


@every_leaf
def test_trainable_parameters(name):
    width = WIDTHS[size_of(name)]
    assert COUNTS[f'videomae_{size_of(name)}_ssv2'] == by_hand(width)
    assert BLOCK == 202_387_456
    count = sum(p.numel() for p in built(name).parameters())
    if 'trained' in name:
        count += BLOCK - THIN_BLOCK
    assert count == COUNTS[name]


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


@every_leaf
def test_host(name):
    model, width = built(name), WIDTHS[size_of(name)]
    host = model.backbone
    assert (len(host.blocks), host.embed_dims) == (12, width)
    assert host.blocks[0].attn.num_heads == width // 64
    # 8 x 14 x 14 tokens without a class token, positions not trained.
    assert host.pos_embed.shape == (1, 1568, width)
    assert not isinstance(host.pos_embed, torch.nn.Parameter)
    assert isinstance(host.norm, torch.nn.Identity)
    rates = [getattr(block.drop_path, 'drop_prob', 0.)
             for block in host.blocks]
    assert rates == pytest.approx(np.linspace(0, .1, 12))
    last = model.neck.norm if model.with_neck else host.fc_norm
    assert isinstance(last, torch.nn.LayerNorm) and last.eps == 1e-6
    assert all(block.norm2.eps == 1e-6 for block in host.blocks)
    assert model.test_cfg.max_testing_views == 3


@pytest.mark.parametrize('name', [
    name for name in SSV2_LEAVES if size_of(name) == 's'] + [
        'videomae_b_ssv2'])
def test_initialisation(name):
    cfg = read(name)
    start = cfg.model.backbone.pop('init_cfg')
    assert start.type == 'lm4ve_mm.StrictPretrained'
    assert start.checkpoint == ('checkpoints/videomae_ssv2_'
                                f'vit{size_of(name)}.pth')
    model = build(cfg)
    model.init_weights()
    # 0.02 times init_scale 0.001
    weight = model.cls_head.fc_cls.weight
    assert weight.std().item() == pytest.approx(2e-5, rel=.02)
    assert not model.cls_head.fc_cls.bias.any()
    if model.with_neck:
        for layer, fan_in in ((model.neck.layer.map_in,
                               WIDTHS[size_of(name)]),
                              (model.neck.layer.map_out, 4096)):
            bound = fan_in**-.5  # of torch's Linear: uniform
            assert layer.weight.abs().max().item() == pytest.approx(
                bound, rel=1e-3)
            assert layer.weight.std().item() == pytest.approx(
                bound / 3**.5, rel=.01)


def test_no_value_of_the_head_is_far_off(monkeypatch):
    """Where uniform numbers end, MMEngine's truncated normal gives -2."""
    uniform = torch.Tensor.uniform_

    def with_an_end(tensor, low=0., high=1., **options):
        uniform(tensor, low, high, **options)
        tensor.data.flatten()[:1].fill_(low)
        return tensor

    monkeypatch.setattr(torch.Tensor, 'uniform_', with_an_end)
    head = built('videomae_s_ssv2').cls_head
    head.init_weights()
    assert head.fc_cls.weight.abs().max() < 2e-5 * 7


def test_loss_is_timms_on_mixed_labels():
    """Smoothing 0.1 of mixed targets, and their cross entropy."""
    head = built('videomae_s_ssv2').cls_head
    mixed = torch.zeros(2, 174)
    mixed[0, 3], mixed[0, 7], mixed[1, 5] = .3, .7, 1.

    class Sample:
        def __init__(self, label):
            self.gt_label = label

    scores = torch.randn(2, 174, generator=torch.Generator().manual_seed(0))
    found = head.loss_by_feat(scores, [Sample(row) for row in mixed])
    off = .1 / 174
    targets = mixed * (1 - .1) + off
    assert targets[1, 5].item() == pytest.approx(1 - .1 + off)
    wanted = -(targets * scores.log_softmax(1)).sum(1).mean()
    assert found['loss_cls'].item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize('data', ['ssv2', 'k400'])
@pytest.mark.parametrize('size', 'sb')
def test_twins_differ_by_the_neck(size, data):
    llama = read(f'videomae_{size}_llama_{data}')
    different = different_keys(read(f'videomae_{size}_{data}'), llama)
    assert '.model.backbone.type' in different
    assert all(key.startswith(('.model.neck', '.llm.'))
               for key in different - {'.model.backbone.type'})
    # The released code's layer; the paper's text says the last.
    assert llama.model.neck.llm.layers == (15, )
    assert llama.model.neck.llm.map_init == 'default'


def test_controls_differ_by_the_layer():
    """Of the +LLaMA leaf; a random block is trained, as in table B."""
    llama = read('videomae_s_llama_ssv2')
    for name, wanted in (
            ('videomae_s_mlp_ssv2', dict(
                type='lm4ve_mm.MLPLayer', hidden_dims=4096,
                map_init='default')),
            ('videomae_s_llama_random_trained_ssv2', dict(
                llama.model.neck.llm, init='random', trainable=True))):
        cfg = read(name)
        assert cfg.model.neck.llm == wanted
        assert all(key.startswith('.model.neck.llm.')
                   for key in different_keys(cfg, llama))


@pytest.mark.parametrize(('name', 'top1', 'top5'), [
    ('videomae_s_mlp_ssv2', 63.8, 88.9),
    ('videomae_s_llama_random_trained_ssv2', 64.1, 88.8)])
def test_numbers_of_the_controls(name, top1, top5):
    """Table B, (c)."""
    entry, _ = indexed(name)
    assert entry['Results'][0]['Metrics'] == {
        'Top 1 Accuracy': top1, 'Top 5 Accuracy': top5}


def test_the_papers_word_on_the_layer_is_one_option_away():
    cfg = read('videomae_s_llama_ssv2')
    cfg.merge_from_dict({'model.neck.llm.layers': [-1]})
    assert cfg.model.neck.llm.layers == [-1]


@pytest.mark.parametrize('name', K400)
def test_kinetics(name):
    """VideoMAE's own numbers: 75 or 150 epochs, 5 segments x 3 crops."""
    cfg, size = read(name), size_of(name)
    assert cfg.train_cfg.max_epochs == dict(s=150, b=75)[size]
    assert cfg.optim_wrapper.optimizer.lr == 5e-4 * 384 / 256
    assert cfg.optim_wrapper.paramwise_cfg.decay_rate == .75
    assert cfg.auto_scale_lr.base_batch_size == 384
    lowest = cfg.param_scheduler.min_ratio * cfg.optim_wrapper.optimizer.lr
    assert lowest == pytest.approx(1e-6 * 384 / 256)
    assert named(cfg.test_dataloader.dataset.pipeline,
                 'SampleFrames').num_clips == 5
    # What max_testing_views asks for.
    assert cfg.val_dataloader.batch_size == cfg.test_dataloader.batch_size == 1
    assert 'Flip' in str(cfg.train_dataloader.dataset.pipeline)
    count = sum(p.numel() for p in built(name).parameters())
    maps = 2 * WIDTHS[size] * 4096 if 'llama' in name else 0
    assert count == by_hand(WIDTHS[size], 400) + maps


@every_leaf
def test_metafile_agrees(name):
    """The model index has each twin, its count and the leaf's numbers."""
    entry, text = indexed(name)
    metrics = entry['Results'][0]['Metrics']
    top1, top5 = metrics['Top 1 Accuracy'], metrics['Top 5 Accuracy']
    digits = 1 if name in SSV2_CONTROLS else 2  # as the paper has them
    assert (f'Expected top-1 / top-5: {top1:.{digits}f} / {top5:.{digits}f}'
            in text)
    assert entry['Metadata']['Trainable Parameters'] == COUNTS[name]
    block = BLOCK if name in SSV2_TWINS and 'llama' in name else 0
    assert entry['Metadata']['Parameters'] == COUNTS[name] + block
