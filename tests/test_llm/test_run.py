"""Every way to run the blocks is the same function: outputs and gradients.

The plain way is compared with transformers elsewhere (test_families.py); here
the others are compared with it: every way with every geometry, and each pair
of values of keep, maps, mask and causality with some of them.
"""

import functools
import itertools

import pytest
import torch
from torch.testing import assert_close

from .ways import (
    KEEPS,
    LINEAR_KEYS,
    MAPS,
    NO_ABSORPTION,
    TARGETS,
    WAYS,
    build,
    forbid,
    padded,
    run,
    same_as_plain,
    some_calls,
    some_tokens,
    worst,
)

EVERY_WAY = list(itertools.product(LINEAR_KEYS, WAYS))
PLAIN_PATH = some_calls(EVERY_WAY)


@pytest.mark.parametrize('first, second',
                         list(itertools.combinations(range(6), 2)))
def test_every_pair_of_values_occurs(first, second):
    values = (LINEAR_KEYS, WAYS, KEEPS, MAPS, (False, True), (False, True))
    found = {(str(case[first]), str(case[second])) for case in PLAIN_PATH}
    assert len(found) == len(values[first]) * len(values[second])


@pytest.mark.parametrize('name, way, keep, maps, masked, causal', PLAIN_PATH)
def test_equals_the_plain_path(name, way, keep, maps, masked, causal):
    mask = padded() if masked else None
    same_as_plain(name, way, mask, keep, causal=causal, **MAPS[maps])


@pytest.mark.parametrize('name, options, keep, maps, masked, causal',
                         some_calls(NO_ABSORPTION, 4))
def test_folding_holds_with_phase_and_norms_of_keys(
        name, options, keep, maps, masked, causal):
    mask = padded() if masked else None
    same_as_plain(name, 'fold', mask, keep, causal=causal, **options,
                  **MAPS[maps])


@pytest.mark.parametrize('name, way, keep, maps, masked, causal', some_calls(
    itertools.product(['llama', 'gemma2', 'bert'], WAYS), 2))
def test_several_blocks(name, way, keep, maps, masked, causal):
    """The first is folded, the last is absorbed, one between is plain."""
    mask = padded() if masked else None
    same_as_plain(name, way, mask, keep, layers=(0, 1, 2), causal=causal,
                  **MAPS[maps])


@functools.cache
def six_runs(name, shortcut, all_tokens, **options):
    """Outputs and gradients of six draws of tokens."""
    keep, mask = (None, padded()) if all_tokens else (KEEPS[0], None)
    return [run(build(name, shortcut, map_bias=True,
                      lora=dict(rank=3, targets=TARGETS)),
                mask, keep, seed=seed, **options) for seed in range(6)]


@functools.cache
def bf16_errors(name, shortcut, all_tokens):
    """Mean square error of output and each gradient, relative to fp64."""
    return sum(
        torch.tensor([(a.double() - b).square().mean() / b.square().mean()
                      for a, b in zip(found, exact, strict=True)])
        for found, exact in zip(
            six_runs(name, shortcut, all_tokens, autocast=True),
            six_runs(name, 'off', all_tokens, dtype=torch.float64),
            strict=True))


@pytest.mark.parametrize('name, way, all_tokens', [
    (name, way, (i + k) % 2 == 1)
    for i, name in enumerate(['llama', 'gemma2', 'bounded', 'bert', 'phi'])
    for k, way in enumerate(WAYS)])
def test_bf16_is_no_worse_than_the_plain_path(name, way, all_tokens):
    """Geometric mean over outputs and gradients, six draws of tokens.

    Roundings are luck: between two draws the ratio moves by a tenth. A unit
    of OPT's ReLU that rounding switches on or off moves it far more.
    """
    found, plain = (bf16_errors(name, shortcut, all_tokens)
                    for shortcut in (way, 'off'))
    assert (found / plain).sqrt().log().mean().exp() < 1.1


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('way', WAYS)
def test_a_model_in_half_precision_runs(way, dtype):
    """Without autocast; four times the spacing of the type."""
    exact = run(build('opt', 'off', map_bias=True), None, KEEPS[0],
                torch.float64)
    found = run(build('opt', way, map_bias=True), None, KEEPS[0], dtype)
    assert all(x.dtype == dtype for x in found)
    error = worst([x.double() for x in found[:1]], exact[:1])
    assert error < 4 * torch.finfo(dtype).eps


def test_keys_and_values_are_not_formed():
    for options in (dict(), dict(layers=(0, 1))):
        layer = build('llama', 'absorb', **options)
        forbid(layer, 'attn.k', 'attn.v')
        run(layer, None, slice(0, 1))


def test_folding_multiplies_no_token_with_a_wide_projection():
    layer = build('llama', 'fold')
    forbid(layer, 'attn.q', 'attn.k', 'attn.v')
    run(layer, None, None)


@pytest.mark.parametrize('name', ['blocks', 'map_in'])
def test_replaced_modules_are_those_that_run(name):
    """Also what DataParallel does to its replicas."""
    layer, other = build('llama', 'absorb'), build('llama', 'absorb')
    with torch.no_grad():
        for tensor in (*other.blocks.buffers(), *other.map_in.parameters()):
            tensor.mul_(1.5)
    tokens = some_tokens()
    before = layer(tokens)
    wanted = build('llama', 'off')
    for one in (layer, wanted):
        setattr(one, name, getattr(other, name))
    # Written out, since both layers have the same runner inside.
    x = wanted.blocks[0](wanted.map_in(tokens))
    assert_close(layer(tokens), wanted.map_out(wanted.final_norm(x)))
    assert not torch.allclose(layer(tokens), before)
