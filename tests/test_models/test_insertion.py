"""The layer is inserted where something runs, on the tensor that goes on."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import lm4ve_mm.plugin  # noqa: F401  (fills the registries)
from lm4ve_mm.registry import MODELS

LLM = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=24, num_layers=4, num_heads=2, feedforward_channels=48),
    img_size=16,
    patch_size=4)


class Pair(NamedTuple):
    """What a stage of another toolbox may give."""

    tokens: Tensor
    size: tuple


class Stage(nn.Module):
    """Gives its output in one of the ways that stages have."""

    def __init__(self, kind):
        super().__init__()
        self.map = nn.Linear(24, 24)
        self.kind = kind

    def forward(self, x):
        out = self.map(x)
        if self.kind == 'down':  # Swin of MMDetection and MMSegmentation
            return out[:, ::2], (1, 2), out, (2, 2)
        if self.kind == 'last':  # and its last stage
            return out, (2, 2), out, (2, 2)
        if self.kind == 'plain':
            return out
        if self.kind == 'named':
            return Pair(out, (2, 2))
        return dict(out=out)


@MODELS.register_module(name='HostOfStages', force=True)
class HostOfStages(nn.Module):
    """Reads the third item where there are four, as those toolboxes do."""

    def __init__(self, kind):
        super().__init__()
        self.stages = nn.ModuleList([Stage(kind)])
        self.parts = nn.ModuleDict(dict(norm=nn.LayerNorm(24)))
        self.groups = nn.ModuleList([nn.ModuleList([nn.Linear(24, 24)])])
        self.unused = nn.Module()

    def forward(self, x):
        out = self.stages[0](x)
        return out[2] if len(out) == 4 else out[0]


def build(backbone, **options):
    return MODELS.build(
        dict(type='lm4ve_mm.FrozenLLMBackbone', backbone=backbone,
             in_channels=24, llm=LLM, **options))


def of_stages(kind, **options):
    return build(dict(type='HostOfStages', kind=kind), **options)


@pytest.mark.parametrize('host, options, words', [
    (VIT, dict(insert_after='layers'),
     r"'layers' is a ModuleList.*insert_after='layers\.3', or "
     r"blocks='layers' with position='tail'"),
    ('down', dict(insert_after='parts'),
     r"ModuleDict.*insert_after='parts\.norm'"),
    ('down', dict(insert_after='groups'),
     r"ModuleList.*insert_after='groups\.0\.0'"),
    ('down', dict(insert_after='unused'), 'Module, .*never called'),
    ('down', dict(blocks='groups'), r"'groups\.0' is a ModuleList"),
    ('down', dict(blocks='stages', position='middle'), 'has no middle'),
])
def test_what_never_runs_is_refused_at_build(host, options, words):
    with pytest.raises(ValueError, match=words):
        (of_stages(host, **options) if isinstance(host, str) else
         build(host, **options))


@pytest.mark.parametrize('kind, options', [
    ('last', {}), ('down', dict(output_index=2)), ('named', {})])
def test_the_tensor_that_goes_on(kind, options):
    """Behind the host is the layer's output, and it learns."""
    model = of_stages(kind, insert_after='stages.0', **options)
    tokens = torch.randn(2, 4, 24)
    found = model(tokens)
    wanted = model.layer(model.backbone.stages[0].map(tokens))
    torch.testing.assert_close(found, wanted)
    found.square().sum().backward()
    assert model.layer.map_in.weight.grad.abs().sum() > 0
    assert model.layer.map_out.weight.grad.abs().sum() > 0


@MODELS.register_module(name='HostOfScales', force=True)
class HostOfScales(nn.Module):
    """Gives maps of three scales, as segmentors and detectors read them."""

    def __init__(self, kind=tuple):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        return self.kind(x[..., ::step, ::step] for step in (1, 2, 4))


@pytest.mark.parametrize('kind, place', [(tuple, -1), (tuple, 2), (list, 1)])
def test_one_of_the_maps_of_a_backbone(kind, place):
    """The others stay what they are."""
    model = build(dict(type='HostOfScales', kind=kind), output_index=place)
    image = torch.randn(2, 24, 8, 8)
    wanted = HostOfScales(list)(image)
    chosen = wanted[place]
    wanted[place] = model.layer(
        chosen.flatten(2).mT).mT.unflatten(2, chosen.shape[2:])
    found = model(image)
    assert isinstance(found, kind)
    torch.testing.assert_close(list(found), wanted)


def test_another_scale_than_the_layer_is_wide():
    model = MODELS.build(dict(
        type='lm4ve_mm.FrozenLLMBackbone', in_channels=12, llm=LLM,
        backbone=dict(type='HostOfScales'), output_index=-1))
    with pytest.raises(ValueError, match=r'\(2, 4, 24\).*\(B, N, 12\)'):
        model(torch.randn(2, 24, 8, 8))


@pytest.mark.parametrize('kind, options, error, words', [
    ('down', {}, ValueError,
     r'several tensors \(0: \(2, 2, 24\), 2: \(2, 4, 24\)\).*output_index=N'),
    ('down', dict(output_index=1), ValueError,
     r'output_index=1 names no tensor .* 4 items .* 2: \(2, 4, 24\)'),
    ('down', dict(output_index=7), ValueError, 'output_index=7 names no'),
    ('plain', dict(output_index=2), ValueError, 'among the 1 items'),
    ('dict', {}, TypeError, 'not dict'),
])
def test_what_is_ambiguous_is_refused(kind, options, error, words):
    model = of_stages(kind, insert_after='stages.0', **options)
    with pytest.raises(error, match=words):
        model(torch.randn(2, 4, 24))
