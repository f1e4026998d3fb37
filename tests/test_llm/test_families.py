"""Every family against transformers' own layer: outputs and gradients.

Each case is a tiny model of random weights, saved as transformers saves it
and read back by :class:`FrozenLLMLayer` with maps of identity.
"""

import importlib
import sys
from operator import attrgetter

import pytest
import torch

from lm4ve_mm.llm import FAMILIES, CheckpointError, FrozenLLMLayer
from lm4ve_mm.llm.weights.extract import extract_blocks

from .family_cases import (
    CASES,
    NUM_TOKENS,
    WIDTH,
    WITH_ROPE,
    errors,
    model_of,
    reference,
)
from .test_parity import TOLERANCE, build, relative_error


@pytest.fixture()
def tokens():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, NUM_TOKENS, WIDTH, generator=generator)


def in_turn(names, *values):
    """Each name with one of the values."""
    return [(name, values[i % len(values)]) for i, name in enumerate(names)]


@pytest.mark.parametrize('name, causal', [
    *((name, False) for name in CASES),
    # The others look back in the test below.
    *((name, True) for name in CASES if name not in WITH_ROPE)])
def test_without_phase(name, causal, tokens, tmp_path):
    """The first layer looks at all tokens, the last one back."""
    index = -1 if causal else 0
    case, model = CASES[name], model_of(name)
    layer = build(model, tmp_path, layers=(index, ), final_norm='none',
                  causal=causal)
    assert layer.identity.family == case.family
    found = errors(
        layer, lambda x: reference(case, model, x, index, causal=causal),
        tokens)
    assert max(found) < TOLERANCE


# The phase of Gemma 3 depends on the layer.
@pytest.mark.parametrize('name, index', sorted(
    {*in_turn(WITH_ROPE, -1, 0), ('gemma3', 0), ('gemma3', -1)}))
def test_with_phase_and_causal_mask(name, index, tokens, tmp_path):
    case, model = CASES[name], model_of(name)
    layer = build(model, tmp_path, layers=(index, ), final_norm='none',
                  rope=True, causal=True)
    found = errors(layer,
                   lambda x: reference(case, model, x, index, native=True),
                   tokens)
    assert max(found) < TOLERANCE
    # The phase is not so small that it could be missing.
    still = reference(case, model, tokens, index, causal=True)
    assert relative_error(layer(tokens), still) > 100 * TOLERANCE


@pytest.mark.parametrize('name', [n for n in CASES if n not in WITH_ROPE])
def test_phase_that_is_not_there(name, tmp_path):
    with pytest.raises(ValueError, match='alibi.*rope=False'):
        build(model_of(name), tmp_path, rope=True)


@pytest.mark.parametrize('name', CASES)
def test_final_norm(name, tokens, tmp_path):
    """Loaded, it is the model's; of weight one, it only norms."""
    case, model = CASES[name], model_of(name)
    if case.norm is None:
        plain, bare = (build(model, tmp_path, final_norm=policy)(tokens)
                       for policy in ('ones', 'none'))
        assert torch.equal(plain, bare)
        with pytest.raises(CheckpointError, match="'ones' or 'none'"):
            build(model, tmp_path, final_norm='loaded')
        return
    norm = attrgetter(case.norm)(model)
    x = reference(case, model, tokens, -1)
    layer = build(model, tmp_path, final_norm='loaded')
    assert relative_error(layer(tokens), norm(x)) < TOLERANCE
    if layer.geometry.norm == 'layer':
        x = x - x.mean(-1, keepdim=True)
    eps = layer.geometry.norm_eps
    wanted = x / (x.square().mean(-1, keepdim=True) + eps).sqrt()
    plain = build(model, tmp_path, final_norm='ones')
    assert relative_error(plain(tokens), wanted) < TOLERANCE


@pytest.mark.parametrize('name, keep', in_turn(
    CASES, [0], [3, 1], slice(1, None, 2)), ids=str)
def test_keep_equals_slicing(name, keep, tokens, tmp_path):
    layer = build(model_of(name), tmp_path, layers=(-1, ), causal=True,
                  rope=name in WITH_ROPE)
    padding = torch.zeros(2, NUM_TOKENS, dtype=torch.bool)
    padding[1, 5:] = True
    grads = []
    for kept in (True, False):
        x = tokens.clone().requires_grad_()
        out = layer(x, padding, keep) if kept else layer(x, padding)[:, keep]
        weight = torch.linspace(-1, 1, out.numel()).view_as(out)
        (out * weight).sum().backward()
        grads.append([out.detach(), x.grad])
    for found, wanted in zip(*grads, strict=True):
        assert relative_error(found, wanted) < TOLERANCE


@pytest.mark.parametrize('name', CASES)
def test_block_file_gives_the_same_block(name, tokens, tmp_path):
    layer = build(model_of(name), tmp_path / 'hf', causal=True,
                  rope=name in WITH_ROPE, final_norm='none')
    path = tmp_path / 'block.safetensors'
    extract_blocks(str(tmp_path / 'hf'), path)
    other = FrozenLLMLayer(
        WIDTH, str(path), causal=True, rope=name in WITH_ROPE,
        final_norm='none')
    assert other.identity.sha256 == layer.identity.sha256
    assert other.geometry == layer.geometry
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(tokens), layer(tokens))
    # Nothing but the layer's own values lies in the file.
    theirs = attrgetter(CASES[name].layers)(model_of(name))[-1]
    values = sum(parameter.numel() for parameter in theirs.parameters())
    assert other.geometry.num_parameters() == values
    held = {n: tuple(t.shape) for n, t in other.blocks[0].tensors().items()}
    assert held == other.geometry.tensor_shapes()


@pytest.mark.parametrize('name', CASES)
def test_doubles_are_computed_in_double(name, tmp_path):
    """Differences of 1e-6 need more than fp32's seven digits anywhere."""
    layer = build(model_of(name), tmp_path, causal=True,
                  rope=name in WITH_ROPE).double()
    x = torch.randn(1, 3, WIDTH, dtype=torch.float64, requires_grad=True,
                    generator=torch.Generator().manual_seed(4))
    assert layer(x).dtype == torch.float64
    torch.autograd.gradcheck(layer, (x, ), fast_mode=True)


@pytest.mark.parametrize('name', ['gemma2', 'gemma2-low-cap'])
def test_capped_scores_of_nothing_but_padding(name, tokens, tmp_path):
    """As in fused attention: zero, finite gradients, others untouched."""
    layer = build(model_of(name), tmp_path)
    padding = torch.zeros(2, NUM_TOKENS, dtype=torch.bool)
    padding[0] = True
    x = tokens.clone().requires_grad_()
    out = layer(x, padding)
    out.square().mean().backward()
    assert out.isfinite().all() and x.grad.isfinite().all()
    torch.testing.assert_close(out[1], layer(tokens)[1])
    mixed = layer.blocks[0].attn(x, ~padding[:, None, None])
    assert not mixed[0].any() and mixed[1].any()


@pytest.mark.parametrize('name', ['gemma2', 'qwen3', 'phi'])
def test_bf16_autocast_is_close_to_fp32(name, tokens, tmp_path):
    """bf16 has 8 bits: 3 % of the largest value is a few roundings."""
    layer = build(model_of(name), tmp_path)
    with torch.autocast('cpu', torch.bfloat16):
        out = layer(tokens)
    assert relative_error(out.float(), layer(tokens)) < 3e-2


def test_every_family_has_a_case():
    tested = {case.family for case in CASES.values()}
    assert tested == {family.name for family in FAMILIES}


@pytest.mark.parametrize('name', ['families', 'block_file', 'extract'])
def test_old_names_of_modules(name):
    """They give what the new ones hold, and say so, until version 0.3."""
    sys.modules.pop(f'lm4ve_mm.llm.{name}', None)
    with pytest.deprecated_call(match=f'is now lm4ve_mm.llm.weights.{name}'):
        old = importlib.import_module(f'lm4ve_mm.llm.{name}')
    new = importlib.import_module(f'lm4ve_mm.llm.weights.{name}')
    assert '0.3' in old.__doc__ and old.__all__
    assert all(getattr(old, key) is getattr(new, key) for key in old.__all__)
