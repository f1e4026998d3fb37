"""What is between the parts of a layer, for every shape of a block."""

import pytest
import torch

from lm4ve_mm.analysis.trace import attention_scores, trace
from lm4ve_mm.llm import FrozenLLMLayer

SHAPES = dict(
    pre=dict(),
    post=dict(placement='post', norm='layer'),
    sandwich=dict(placement='sandwich'),
    parallel=dict(parallel=True),
    shared=dict(parallel=True, shared_norm=True),
    grouped=dict(num_kv_heads=2, qk_norm=True),
    bounded=dict(softcap=2.))


def make(shape='pre', count=1, **kwargs):
    torch.manual_seed(0)
    layer = FrozenLLMLayer(
        8, init='random', layers=tuple(range(count)),
        geometry=dict(width=32, ffn_dim=48, num_heads=4, rope_theta=100.,
                      **SHAPES[shape]),
        **kwargs)
    return layer.double().eval()


def tokens(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 6, 8, dtype=torch.double, generator=generator)


@pytest.mark.parametrize('shortcut', ['auto', 'fold_absorb', 'off'])
@pytest.mark.parametrize('shape', sorted(set(SHAPES) - {'grouped'}))
def test_ends_as_the_layer_does(shape, shortcut):
    layer = make(shape, shortcut=shortcut)
    found = trace(layer, tokens())
    assert torch.allclose(found['out'], layer(tokens()), atol=1e-12)
    assert torch.equal(found['map_in'], layer.map_in(tokens()))
    assert layer.shortcut == shortcut


@pytest.mark.parametrize('shape', SHAPES)
def test_between_attention_and_feed_forward(shape):
    """From the stream the block can be finished by hand."""
    layer = make(shape)
    found = trace(layer, tokens())
    block = layer.blocks[0]
    if block.geometry.parallel:
        assert 'attn' not in found
        norm = block.attn_norm if block.geometry.shared_norm else (
            block.ffn_norm)
        wanted = found['map_in'] + found['attn_branch'] + block.ffn(
            norm(found['map_in']))
    elif block.geometry.placement == 'post':
        wanted = block.ffn_norm(found['attn'] + block.ffn(found['attn']))
    elif block.geometry.placement == 'sandwich':
        wanted = found['attn'] + block.ffn_post_norm(
            block.ffn(block.ffn_norm(found['attn'])))
    else:
        wanted = found['attn'] + block.ffn(block.ffn_norm(found['attn']))
    assert torch.allclose(found['ffn'], wanted, atol=1e-12)


def test_several_blocks_and_everything_around_them():
    layer = make('pre', 2, norm_in=True, norm_out=True, residual='hybrid')
    found = trace(layer, tokens())
    assert list(found) == ['norm_in', 'map_in', 'attn.0', 'ffn.0', 'attn.1',
                           'ffn.1', 'final_norm', 'map_out', 'out']
    assert torch.allclose(found['out'], layer(tokens()), atol=1e-12)


def test_without_attention():
    layer = make(attention=False)
    found = trace(layer, tokens())
    assert torch.allclose(layer.map_out(layer.final_norm(found['ffn'])),
                          layer(tokens()), atol=1e-12)
    assert [name for name in found if 'attn' in name] == []


def test_padding_is_honoured():
    layer = make()
    mask = torch.zeros(2, 6, dtype=torch.bool)
    mask[:, 4:] = True
    moved = tokens()
    moved[:, 4:] += 5
    for name, value in trace(layer, tokens(), mask).items():
        other = trace(layer, moved, mask)[name]
        assert torch.allclose(value[:, :4], other[:, :4]), name


@pytest.mark.parametrize('options', [
    {}, dict(causal=True), dict(rope=True)], ids=str)
@pytest.mark.parametrize('shape', ['pre', 'grouped', 'bounded'])
def test_attention_scores(shape, options):
    """Weighted values, projected, are what attention gives."""
    layer = make(shape, **options)
    attention, fed, given = layer.blocks[0].attn, [], []
    attention.register_forward_pre_hook(lambda m, x: fed.append(x[0]))
    attention.register_forward_hook(lambda m, x, y: given.append(y))
    mask = torch.zeros(2, 6, dtype=torch.bool)
    mask[1, 5] = True
    found = attention_scores(layer, tokens(), slice(None),
                             key_padding_mask=mask)
    assert found.shape == (2, 4, 6, 6)
    assert torch.allclose(found.sum(-1), torch.ones(2, 4, 6).double())
    assert (found[1, ..., 5] == 0).all()
    groups = 4 // attention.geometry.num_kv_heads
    value = attention.v(fed[0]).unflatten(-1, (-1, 8)).transpose(1, 2)
    mixed = found.double() @ value.repeat_interleave(groups, 1)
    wanted = attention.out(mixed.transpose(1, 2).flatten(2))
    assert torch.allclose(wanted, given[0], atol=1e-6)
    first = attention_scores(layer, tokens(), key_padding_mask=mask)
    assert torch.allclose(first, found[:, :, :1])


def test_no_scores_without_attention():
    with pytest.raises(ValueError, match='no attention whose weights'):
        attention_scores(make(attention=False), tokens())
