"""The recipe as numbers: parameter groups, rates by epoch, clipping."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs'
# Wide where the maps are, and otherwise as narrow as can be.
WIDE = dict(
    init='random', geometry=dict(
        width=4096, num_heads=32, head_dim=2, ffn_dim=64))
# Epoch -> rate of decay, map, no_decay (timm 0.4.5, stepped after an epoch).
RATES = {
    0: (1e-6, 1e-6, 1e-6),
    1: (1e-6, 1e-6, 1e-6),
    2: (5.09e-5, 2.59e-5, 5.9e-6),
    5: (2.006e-4, 1.006e-4, 2.06e-5),
    10: (4.501e-4, 2.251e-4, 4.51e-5),
    11: (4.986332e-4, 2.493180e-4, 4.986579e-5),
}
DECAY_RATES = {100: 3.775058e-4, 150: 2.531127e-4, 200: 1.280195e-4,
               300: 1.013680e-6}


@pytest.fixture(scope='module')
def wrapper():
    """The optimizer of the +LLaMA config, around a model that fits it."""
    cfg = apis.load_config(
        CONFIGS / 'point_bert_llama_scanobjectnn_hardest.py')
    init_default_scope(cfg.default_scope)
    cfg.model.neck.llm = dict(WIDE, map_init='default')
    model = MODELS.build(cfg.model)
    return model, build_optim_wrapper(model, cfg.optim_wrapper), cfg


def sizes(wrapper):
    return {
        group['name']: (len(group['params']),
                        sum(p.numel() for p in group['params']))
        for group in wrapper.optimizer.param_groups
    }


def test_three_groups(wrapper):
    _, built, _ = wrapper
    assert sizes(built) == dict(
        decay=(58, 22_015_104),
        map=(2, 3_145_728),
        no_decay=(100, 50_856))
    settings = {group['name']: (group['lr'], group['weight_decay'])
                for group in built.optimizer.param_groups}
    assert settings == dict(
        decay=(5e-4, 0.05), map=(2.5e-4, 0.), no_decay=(5e-5, 0.))


def test_who_is_where(wrapper):
    model, built, _ = wrapper
    place = {id(p): group['name'] for group in built.optimizer.param_groups
             for p in group['params']}
    found = {name: place[id(p)] for name, p in model.named_parameters()}
    wanted = {
        'backbone.cls_pos': 'decay',
        'backbone.cls_token': 'no_decay',
        'backbone.encoder.first_conv.0.weight': 'decay',
        'backbone.encoder.first_conv.0.bias': 'no_decay',
        'backbone.encoder.first_conv.1.weight': 'no_decay',
        'backbone.layers.3.ln1.weight': 'no_decay',
        'backbone.layers.3.attn.qkv.weight': 'decay',
        'neck.layer.map_in.weight': 'map',
        'neck.layer.map_out.weight': 'map',
        'neck.norm.weight': 'no_decay',
        'head.mlp.3.weight': 'decay',
        'head.mlp.3.bias': 'no_decay',
    }
    assert {name: found[name] for name in wanted} == wanted


def test_baseline_has_the_one_rate_of_point_bert():
    """Its published figures are not of the three rates."""
    cfg = apis.load_config(CONFIGS / 'point_bert_scanobjectnn_hardest.py')
    built = build_optim_wrapper(MODELS.build(cfg.model), cfg.optim_wrapper)
    assert sizes(built) == dict(
        decay=(58, 22_015_104), no_decay=(100, 50_856))
    assert [(g['lr'], g['weight_decay']) for g in built.optimizer.param_groups
            ] == [(5e-4, 0.05), (5e-4, 0.)]


def test_controls_train_what_is_inserted_as_maps():
    cfg = apis.load_config(CONFIGS / 'point_bert_mlp_scanobjectnn_hardest.py')
    cfg.model.neck.llm.hidden_dims = 48
    built = build_optim_wrapper(MODELS.build(cfg.model), cfg.optim_wrapper)
    assert sizes(built)['map'] == (4, 2 * 48 * 384 + 2 * 48)


def test_frozen_parameters_are_in_no_group(wrapper):
    model, _, cfg = wrapper
    model.head.requires_grad_(False)
    built = build_optim_wrapper(model, cfg.optim_wrapper)
    model.head.requires_grad_(True)
    assert sizes(built)['decay'] == (56, 22_015_104 - 768 * 256 - 256 * 40)


def test_rates_by_epoch(wrapper):
    """Closed form, one epoch late, 301 epochs, in every group."""
    _, built, cfg = wrapper
    assert cfg.train_cfg.max_epochs == 301
    assert cfg.train_cfg.val_begin == 2
    schedule = PARAM_SCHEDULERS.build(
        cfg.param_scheduler,
        default_args=dict(optimizer=built, end=cfg.train_cfg.max_epochs))
    names = [g['name'] for g in built.optimizer.param_groups]
    history = []
    for _ in range(301):
        rates = dict(zip(names, (
            g['lr'] for g in built.optimizer.param_groups)))
        history.append([rates[n] for n in ('decay', 'map', 'no_decay')])
        schedule.step()
    for epoch, wanted in RATES.items():
        # Those with six places are given to half of the last one.
        margin = 5e-11 if epoch == 11 else 1e-12
        assert history[epoch] == pytest.approx(
            list(wanted), rel=0, abs=margin), epoch
    for epoch, wanted in DECAY_RATES.items():
        assert history[epoch][0] == pytest.approx(
            wanted, rel=0, abs=5e-11), epoch
    for epoch, rates in enumerate(history):
        assert rates == pytest.approx(
            [by_hand(epoch, base) for base in (5e-4, 2.5e-4, 5e-5)],
            rel=0, abs=1e-12), epoch


def by_hand(epoch, base):
    """timm 0.4.5's cosine as the specification writes it."""
    t = torch.tensor(max(epoch - 1, 0), dtype=torch.float64)
    if t < 10:
        return float(1e-6 + t * (base - 1e-6) / 10)
    return float(1e-6 + (base - 1e-6) * (1 + torch.cos(torch.pi * t / 300))
                 / 2)


def test_clip(wrapper):
    """The norm over all gradients is at most 10."""
    _, _, cfg = wrapper
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=10, norm_type=2)
    model = nn.Linear(4, 4)
    built = build_optim_wrapper(model, cfg.optim_wrapper)
    (1e3 * model(torch.ones(2, 4)).sum()).backward()
    built.step()
    norm = sum(p.grad.square().sum() for p in model.parameters()).sqrt()
    assert norm == pytest.approx(10, rel=1e-5)


def test_loader_of_the_recipe():
    cfg = apis.load_config(CONFIGS / 'point_bert_scanobjectnn_hardest.py')
    assert cfg.train_dataloader.drop_last is True
    assert cfg.train_dataloader.batch_size == 32
    assert cfg.val_dataloader.batch_size == 64
    assert cfg.test_dataloader.batch_size == 32
    assert cfg.auto_scale_lr.base_batch_size == 32
    assert cfg.sync_bn == 'torch'
    assert cfg.randomness.seed == 0


def build(**paramwise):
    return build_optim_wrapper(nn.Linear(2, 2), dict(
        constructor='lm4ve_mm.ThreeRateOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=1., weight_decay=0.5),
        paramwise_cfg=paramwise))


def test_keys_of_paramwise_cfg():
    built = build(flat_lr_mult=0.25, flat_decay_mult=0.5)
    assert [(g['name'], g['lr'], g['weight_decay'])
            for g in built.optimizer.param_groups
            ] == [('decay', 1., 0.5), ('no_decay', 0.25, 0.25)]
    assert list(sizes(build(flat_names=('weight', )))) == ['no_decay']


def test_a_bias_is_one_by_name_too():
    """Upstream asks for the name beside the rank."""
    model = nn.Module()
    model.bias = nn.Parameter(torch.zeros(2, 2))
    model.weight = nn.Parameter(torch.zeros(2, 2))
    model.part = nn.Module()
    model.part.bias = nn.Parameter(torch.zeros(3, 3))
    built = build_optim_wrapper(model, dict(
        constructor='lm4ve_mm.ThreeRateOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=1., weight_decay=0.5)))
    assert sizes(built) == dict(decay=(2, 8), no_decay=(1, 9))


def test_unknown_key():
    with pytest.raises(ValueError, match='norm_decay_mult.*map_lr_mult'):
        build(norm_decay_mult=0.)


def test_optimizer_without_decay():
    with pytest.raises(ValueError, match='needs lr and weight_decay'):
        build_optim_wrapper(nn.Linear(2, 2), dict(
            constructor='lm4ve_mm.ThreeRateOptimWrapperConstructor',
            optimizer=dict(type='SGD', lr=1.)))


def test_metafile_counts():
    """The host, the two maps, and the block with its final norm."""
    entries = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())['Models']
    of_paper = [entry for entry in entries if re.fullmatch(
        'point_bert_(llama_)?(scanobjectnn|modelnet40)_.*', entry['Name'])]
    assert len(of_paper) == 12
    for entry in of_paper:
        trained = 22_065_960 + ('llama' in entry['Name']) * 3_145_728
        frozen = ('llama' in entry['Name']) * 202_387_456
        assert entry['Metadata']['Trainable Parameters'] == trained
        assert entry['Metadata']['Parameters'] == trained + frozen
