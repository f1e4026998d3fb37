"""In eval mode without gradients, products of weights are kept."""

import copy
import itertools
import pickle

import pytest
import torch
from torch.testing import assert_close

from lm4ve_mm.llm.shortcuts.fold import FoldCache

from .ways import (
    KEEPS,
    LINEAR_KEYS,
    MAPS,
    WAYS,
    build,
    operations,
    padded,
    run,
    some_calls,
    some_tokens,
    worst,
)

# Three projections of 64 rows times the map (64 x 24), and its Gram matrix.
FOLDING = 2 * 3 * 64 * 64 * 24 + 2 * 24 * 64 * 24


@pytest.mark.parametrize(
    'name, way, keep, maps, masked, causal', some_calls(
        itertools.product(LINEAR_KEYS, ['auto', *WAYS]), 1))
def test_same_output(name, way, keep, maps, masked, causal):
    outs = []
    for shortcut in (way, 'off'):
        layer = build(name, shortcut, causal=causal, **MAPS[maps])
        layer.double().eval()
        mask = padded() if masked else None
        with torch.no_grad():
            outs += [layer(some_tokens(torch.double), mask, keep)
                     for _ in range(2)]
    assert worst(outs[:2], outs[2:]) < 1e-11


@pytest.mark.parametrize('change', [
    lambda layer: layer.map_in.weight.data.mul_(2),  # no version counted
    lambda layer: layer.map_in.weight.detach().mul_(2),
    lambda layer: layer.map_in.bias.data[::2].add_(1),
    lambda layer: layer.blocks[0].attn.k.lora.up.data.add_(1),
    lambda layer: layer.blocks[0].attn.v.weight.mul_(2),
    lambda layer: layer.load_state_dict({
        name: value * 1.5 if value.dim() == 2 else value
        for name, value in layer.state_dict().items()}),
    lambda layer: layer.double().float().map_in.weight.data.mul_(2),
])
def test_dropped_the_moment_a_weight_changes(change):
    layer = build('opt', 'fold_absorb', map_bias=True,
                  lora=dict(rank=2, targets=['attn.k'])).eval()
    tokens = some_tokens()
    with torch.no_grad():
        before = layer(tokens, keep=[0])
        change(layer)
        after = layer(tokens, keep=[0])
        layer.shortcut = 'off'
        assert_close(after, layer(tokens, keep=[0]))
    assert not torch.allclose(before, after)


def test_made_once_and_dropped_by_training():
    layer = build('llama', 'fold').eval()
    first, second = operations(layer), operations(layer)
    assert first - second == FOLDING
    layer.train().eval()
    assert operations(layer) == first


@pytest.mark.parametrize('way', WAYS)
def test_not_used_where_there_are_gradients(way):
    """What was kept has no gradient to the map, in eval mode either."""
    found, wanted = [], []
    for shortcut, grads in ((way, found), ('off', wanted)):
        layer = build('llama', shortcut).double().eval()
        with torch.no_grad():
            layer(some_tokens(torch.double))
        grads += run(layer, None, KEEPS[0], torch.double)
    assert worst(found, wanted) < 1e-11


def test_a_copy_and_a_pickle_have_none():
    layer = build('llama', 'fold').eval()
    size = len(pickle.dumps(layer))
    first = operations(layer)
    pickled = pickle.dumps(layer)
    assert len(pickled) == size
    for twin in (copy.deepcopy(layer), pickle.loads(pickled)):
        assert operations(twin) == first
    assert operations(layer) == first - FOLDING


def test_in_half_precision_they_are_rounded_once():
    """Folded in fp32: each value is within half a spacing, 2^-8."""
    layer = build('llama', 'fold').bfloat16()
    block, weight = layer.blocks[0], layer.map_in.weight.double()
    exact = block.attn.k.weight.double() @ (
        block.attn_norm.weight.double()[:, None] * weight)
    kept = FoldCache().get(block, layer.map_in)
    assert kept.k.dtype == torch.bfloat16
    assert kept.gram.dtype == torch.float32
    assert_close(kept.k.double(), exact, rtol=2**-8, atol=1e-6)


def test_under_autocast_they_are_folded_in_fp32():
    layer = build('llama', 'fold').eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        kept = FoldCache().get(layer.blocks[0], layer.map_in)
    wanted = FoldCache().get(layer.blocks[0], layer.map_in)
    assert torch.equal(kept.k, wanted.k)
