"""The absorbed path is the plain path: outputs and all gradients."""

import pytest
import torch

from lm4ve_mm.llm import FrozenLLMLayer
from lm4ve_mm.llm.geometry import BlockGeometry
from lm4ve_mm.llm.shortcut import absorbing_pays

BIASES = dict(qkv_bias=True, out_bias=True, ffn_bias=True)
GEOMETRIES = {
    'llama': dict(),
    'grouped': dict(num_kv_heads=2),
    'gemma2': dict(placement='sandwich', norm_offset=1.0, softcap=20.0,
                   attention_scale=0.2),
    'opt': dict(norm='layer', gated=False, activation='relu', **BIASES),
    'bert': dict(norm='layer', placement='post', gated=False, **BIASES),
    'phi': dict(norm='layer', parallel=True, shared_norm=True, gated=False,
                **BIASES),
    'neox': dict(norm='layer', parallel=True, gated=False, **BIASES),
}
KEEPS = [slice(0, 1), [5, 2], slice(None, None, 3)]


def build(name, shortcut, **options):
    layer = FrozenLLMLayer(
        24,
        init='random',
        geometry=dict(
            width=64, num_heads=4, ffn_dim=96, **GEOMETRIES.get(name, {})),
        shortcut=shortcut,
        **options)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # norms that are not one, biases that are not zero
        for tensor in [*layer.frozen_tensors().values(), *layer.parameters()]:
            noise = 0.2 * torch.randn(tensor.shape, generator=generator)
            tensor.copy_(noise + (tensor.dim() == 1))
    return layer


def padded():
    mask = torch.zeros(3, 9, dtype=torch.bool)
    mask[1, 4:] = True
    mask[2] = True  # nothing to look at
    return mask


def run(layer, mask, keep, dtype=torch.float32, autocast=False):
    """Output and gradients of the tokens and of every parameter."""
    layer = layer.to(dtype)
    tokens = torch.randn(
        3, 9, 24, generator=torch.Generator().manual_seed(1)).to(
            dtype).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        out = layer(tokens, mask, keep)
    weight = torch.linspace(-1, 1, out.numel()).view_as(out)
    (out * weight.to(out.dtype)).sum().backward()
    return [out.detach(), tokens.grad,
            *(parameter.grad for parameter in layer.parameters())]


def worst(found, wanted):
    return max(((a - b).abs().max() / b.abs().max()).item()
               for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize('map_bias', [False, True])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('keep', KEEPS, ids=str)
@pytest.mark.parametrize('name', GEOMETRIES)
def test_equals_the_plain_path(name, keep, masked, map_bias):
    """In fp64 to 1e-11, so the formula is exact; in fp32 by rounding."""
    options = dict(map_bias=map_bias, causal=masked, residual='hybrid')
    mask = padded() if masked else None
    for dtype, tolerance in ((torch.float64, 1e-11), (torch.float32, 1e-5)):
        absorbed, plain = (
            run(build(name, way, **options), mask, keep, dtype)
            for way in ('absorb', 'off'))
        assert worst(absorbed, plain) < tolerance


@pytest.mark.parametrize('name', GEOMETRIES)
def test_bf16_is_no_worse_than_the_plain_path(name):
    """Against fp64; a factor of two for the luck of single roundings."""
    exact = run(build(name, 'off'), None, KEEPS[0], torch.float64)
    errors = {
        way: worst([x.double() for x in run(
            build(name, way), None, KEEPS[0], autocast=True)], exact)
        for way in ('absorb', 'off')
    }
    assert errors['absorb'] < 2 * errors['off']


def test_keys_and_values_are_not_formed():
    layer = build('llama', 'absorb')
    for name in ('attn.k', 'attn.v'):
        layer.blocks[0].get_submodule(name).register_forward_hook(
            lambda *_: pytest.fail('formed'))
    run(layer, None, slice(0, 1))


def test_auto_takes_the_cheaper_path():
    """LLaMA-7B behind ViT-S: one class token pays, most tokens do not."""
    llama = BlockGeometry(width=4096, num_heads=32, ffn_dim=11008)
    assert absorbing_pays(llama, 384, 32, 197, 1)
    assert not absorbing_pays(llama, 384, 32, 197, 196)
    assert not absorbing_pays(llama, 384, 1, 4, 1)


def test_auto_falls_back_where_there_is_no_shortcut():
    geometry = dict(width=64, num_heads=4, ffn_dim=96, qk_norm=True)
    layer = FrozenLLMLayer(24, init='random', geometry=geometry)
    tokens = torch.randn(2, 300, 24)
    torch.testing.assert_close(
        layer(tokens, keep=[0]), layer(tokens)[:, [0]])
    with pytest.raises(ValueError, match='norms of keys'):
        FrozenLLMLayer(
            24, init='random', geometry=geometry, shortcut='absorb')


def test_several_blocks_take_the_plain_path():
    with pytest.raises(ValueError, match='takes one block'):
        FrozenLLMLayer(24, layers=(0, 1), init='random', shortcut='absorb',
                       geometry=dict(width=64, num_heads=4, ffn_dim=96))
