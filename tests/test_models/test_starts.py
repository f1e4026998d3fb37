"""A file that a model starts from has the last word, however it is named."""

import copy
import logging

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import BaseModule
from mmengine.registry import MODELS as MMENGINE_MODELS
from torch import nn

from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.models import describe_start, prove_starts
from lm4ve_mm.models.initializers import without_files
from lm4ve_mm.models.starts import load_into
from lm4ve_mm.registry import MODELS

from .starts import (
    DRAW,
    HOSTS,
    NECK,
    RAW,
    TYPES,
    VIT,
    assert_holds,
    classifier,
    saved,
    shifted,
)


@pytest.mark.parametrize('host, kind, as_list', [
    (host, kind, (i + k) % 2 == 1)
    for i, host in enumerate(HOSTS) for k, kind in enumerate(TYPES)], ids=str)
def test_every_host_and_spelling(host, kind, as_list, tmp_path):
    """Alone; after each initialiser that there is."""
    weights = shifted(MODELS.build(HOSTS[host]))
    weights.pop('layer.block_identity', None)
    cfg = dict(type=kind, checkpoint=saved(tmp_path, weights, 'backbone.'),
               prefix='backbone.')
    model = MODELS.build(
        dict(HOSTS[host], init_cfg=[DRAW, cfg] if as_list else cfg))
    model.init_weights()
    assert_holds(model, weights)
    prove_starts(model)


@pytest.mark.parametrize('kind', TYPES, ids=str)
@pytest.mark.parametrize('place', ['backbone', 'inner', 'model', 'neck'])
def test_every_place_in_a_model(place, kind, tmp_path):
    inner = dict(VIT, type='lm4ve_mm.DeiTVisionTransformer')
    if place == 'neck':
        cfg = classifier(RAW, NECK)
    elif place == 'inner':
        cfg = classifier(dict(HOSTS['wrapper'], backbone=inner))
    else:
        cfg = classifier(inner)
    name = dict(inner='backbone.backbone', model='').get(place, place)
    part = MODELS.build(cfg).get_submodule(name)
    weights = shifted(part)
    weights.pop('layer.block_identity', None)
    prefix = f'{name}.' if name else ''
    start = dict(type=kind, checkpoint=saved(tmp_path, weights, prefix))
    if prefix:
        start['prefix'] = prefix
    target = cfg
    for key in filter(None, name.split('.')):
        target = target[key]
    target['init_cfg'] = start
    model = MODELS.build(cfg)
    model.init_weights()
    assert_holds(model.get_submodule(name), weights)


def test_a_parent_that_draws_afterwards(tmp_path):
    """Whatever class it is, and in whatever order it does it."""

    @MMENGINE_MODELS.register_module(force=True)
    class Late(BaseModule):
        def __init__(self, backbone):
            super().__init__()
            self.backbone = MODELS.build(backbone)

        def init_weights(self):
            super().init_weights()
            for weight in self.parameters():
                nn.init.constant_(weight, 7.)

    weights = shifted(MODELS.build(VIT))
    model = MODELS.build(dict(type='Late', backbone=dict(VIT, init_cfg=dict(
        type='Pretrained', checkpoint=saved(tmp_path, weights)))))
    model.init_weights()
    assert_holds(model.backbone, weights)


@pytest.mark.parametrize('kind', TYPES, ids=str)
@pytest.mark.parametrize('norm', ['ln1', 'norm', 'fc_norm'])
def test_final_norm_reaches_the_neck(kind, norm, tmp_path):
    weights = shifted(MODELS.build(VIT))
    given = {n.replace('ln1', norm) if n.startswith('ln1') else n: t
             for n, t in weights.items()}
    model = MODELS.build(classifier(dict(RAW, init_cfg=dict(
        type=kind, checkpoint=saved(tmp_path, given, 'backbone.'),
        prefix='backbone.')), NECK))
    model.init_weights()
    for part in ('weight', 'bias'):
        assert torch.equal(getattr(model.neck.norm, part),
                           weights[f'ln1.{part}'])
    assert describe_start(model, 'neck.norm')[1]


@pytest.mark.parametrize('kind', TYPES, ids=str)
def test_timm_names_are_translated(kind, tmp_path):
    """As the backbone's file, without a prefix: MMEngine cuts it first."""
    from ..test_published import deit_upstream as upstream
    host = dict(VIT, arch=dict(
        embed_dims=upstream.WIDTH, num_layers=upstream.DEPTH,
        num_heads=upstream.HEADS, feedforward_channels=4 * upstream.WIDTH))
    torch.save(upstream.released(True), tmp_path / 'deit.pth')
    model = MODELS.build(dict(host, init_cfg=dict(
        type=kind, checkpoint=str(tmp_path / 'deit.pth'))))
    model.init_weights()
    wanted = upstream.state(True)
    assert torch.equal(model.layers[1].attn.qkv.weight,
                       wanted['blocks.1.attn.qkv.weight'])
    assert torch.equal(model.ln1.bias, wanted['norm.bias'])
    assert len(describe_start(nn.ModuleDict(dict(host=model)), 'host')[0])


@pytest.mark.parametrize('kind', TYPES, ids=str)
def test_a_file_of_other_names_is_an_error(kind, tmp_path):
    weights = shifted(MODELS.build(VIT))
    given = {n if n in ('cls_token', 'pos_embed') else f'other.{n}': t
             for n, t in weights.items()}
    model = MODELS.build(dict(VIT, init_cfg=dict(
        type=kind, checkpoint=saved(tmp_path, given))))
    with pytest.raises(CheckpointError,
                       match=r'layers\.0\.attn\.qkv\.weight'):
        model.init_weights()


def test_new_layer_norms_may_be_left_out(tmp_path, caplog):
    """As recipes have it that fine-tune a pretrained host; it is logged."""
    weights = shifted(MODELS.build(VIT))
    given = {n: t for n, t in weights.items() if not n.startswith('ln1')}
    model = MODELS.build(dict(VIT, init_cfg=dict(
        type='Pretrained', checkpoint=saved(tmp_path, given))))
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, logger=logger.name):
            model.init_weights()
    finally:
        logger.removeHandler(caplog.handler)
    assert "initialised: ['ln1.weight', 'ln1.bias']" in caplog.text
    assert '28 tensors of VisionTransformer are those of the file' in (
        caplog.text)
    assert model.ln1.weight.eq(1).all()


def test_what_changes_afterwards_is_found(tmp_path):
    weights = shifted(MODELS.build(VIT))
    file = saved(tmp_path, weights)
    model = MODELS.build(classifier(dict(VIT, init_cfg=dict(
        type='Pretrained', checkpoint=file))))
    said, whole = describe_start(model, 'backbone')
    assert not whole and 'randomly initialised' in said
    model.init_weights()
    said, whole = describe_start(model, 'backbone')
    assert whole and f'30 of its 30 tensors from {file}, sha256' in said
    prove_starts(copy.deepcopy(model))
    nn.init.ones_(model.backbone.pos_embed)
    with pytest.raises(CheckpointError,
                       match=r'1 tensors were read from .*pos_embed'):
        prove_starts(model)


@pytest.mark.parametrize('kind', TYPES, ids=str)
def test_a_resumed_run_does_not_need_the_file(kind):
    cfg = dict(type=kind, checkpoint='gone.pth')
    model = MODELS.build(classifier(dict(VIT, init_cfg=[DRAW, cfg])))
    names = without_files(model)
    assert names == [f'backbone.{n}' for n in model.backbone.state_dict()]
    model.init_weights()


@pytest.mark.parametrize('kind', ['video', 'video_tokens'])
def test_pretrained_of_a_video_host_is_read(kind, tmp_path):
    """MMAction2's own class forgets the file."""
    weights = shifted(MODELS.build(HOSTS[kind]))
    backbone = MODELS.build(dict(
        HOSTS[kind], pretrained=saved(tmp_path, weights)))
    backbone.init_weights()
    assert_holds(backbone, weights)


class Translating(torch.nn.Linear):
    """Reads a published file, in which its weights are called otherwise."""

    reads_published_files = True

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ('weight', 'bias'):
            if f'theirs.{name}' in state_dict:
                state_dict[name] = state_dict.pop(f'theirs.{name}')
        super()._load_from_state_dict(state_dict, prefix, *args)


@pytest.mark.parametrize('prefix', ['', 'theirs.'])
def test_what_was_loaded_is_not_called_unused(prefix, monkeypatch):
    """By a model that translates names itself, too."""
    said = []
    monkeypatch.setattr('lm4ve_mm.models.starts.print_log',
                        lambda text, **_: said.append(text))
    state = {f'{prefix}weight': torch.ones(2, 2),
             f'{prefix}bias': torch.ones(2)}
    model = Translating(2, 2)
    load_into(model, {**state, 'extra': torch.ones(1)})
    assert torch.equal(model.weight, torch.ones(2, 2))
    assert "Missing, left as initialised: []. Unused: ['extra']" in said[0]
