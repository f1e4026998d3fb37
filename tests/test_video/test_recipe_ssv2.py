"""The SSv2 recipe of the paper, number by number.

Sources: arXiv 2310.12973, C.3 and table 3, the code released with it, and
VideoMAE's fine-tuning code, on which that stands. Its rates are in
test_schedule_ssv2.py.
"""

import numpy as np
import pytest
import torch

from ..recipes import (
    SSV2_CONTROLS,
    SSV2_LEAVES,
    SSV2_TWINS,
    different_keys,
    indexed,
    named,
    read,
)
from .ssv2_models import WIDTHS, build, built, every_leaf, size_of

K400 = [name.replace('ssv2', 'k400') for name in SSV2_TWINS]
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
    *(name for name in SSV2_LEAVES if size_of(name) == 's'),
    pytest.param('videomae_b_ssv2', marks=pytest.mark.slow)])
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
