"""Every way to run the blocks is the same function: outputs and gradients.

The plain way is compared with transformers elsewhere (test_families.py); here
the others are compared with it: every way with every geometry, and each pair
of values of keep, maps, mask and causality with some of them.
"""

import copy
import itertools
import pickle

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from lm4ve_mm.llm import FrozenLLMLayer
from lm4ve_mm.llm.block.geometry import BlockGeometry
from lm4ve_mm.llm.shortcuts.fold import FoldCache
from lm4ve_mm.llm.shortcuts.plans import Call, Plan, cheapest, choose_plans

BIASES = dict(qkv_bias=True, out_bias=True, ffn_bias=True)
QWEN3 = dict(num_kv_heads=2, qk_norm=True, head_dim=24, rope_theta=100.)
GEOMETRIES = {
    'llama': dict(),
    'grouped': dict(num_kv_heads=2, rope_theta=100.),
    'gemma2': dict(placement='sandwich', norm_offset=1.0, softcap=20.0,
                   attention_scale=0.2),
    'gemma3': dict(placement='sandwich', norm_offset=1.0, qk_norm=True,
                   head_dim=24),
    # Its bound makes the constant that a bias adds to all scores matter.
    'bounded': dict(norm='layer', softcap=2.0, gated=False, **BIASES),
    'opt': dict(norm='layer', gated=False, activation='relu', **BIASES),
    'gpt2': dict(norm='layer', gated=False, activation='gelu_tanh', **BIASES),
    'bert': dict(norm='layer', placement='post', gated=False, **BIASES),
    'post': dict(placement='post'),
    'phi': dict(norm='layer', parallel=True, shared_norm=True, gated=False,
                **BIASES),
    'neox': dict(norm='layer', parallel=True, gated=False, **BIASES),
    'qwen3': QWEN3,
}
WAYS = ('absorb', 'fold', 'fold_absorb')
KEEPS = [slice(0, 1), [5, 2], slice(None, None, 3), None]
TARGETS = ('attn.q', 'attn.k', 'attn.v', 'attn.out', 'ffn.up', 'ffn.down')
LORA = dict(rank=3, targets=(*TARGETS, 'map_in'), alpha=2)
MAPS = {
    'map': dict(),
    'map with bias': dict(map_bias=True, residual='hybrid'),
    'lora': dict(lora=LORA),
    'trained block': dict(trainable=True),
}
LINEAR_KEYS = [name for name, geometry in GEOMETRIES.items()
               if 'qk_norm' not in geometry]
# Those where the keys are not linear in the tokens.
NO_ABSORPTION = [('qwen3', dict()), ('gemma3', dict()),
                 ('grouped', dict(rope=True))]


def build(name, shortcut, **options):
    layer = FrozenLLMLayer(
        24,
        init='random',
        geometry=dict(
            width=64, num_heads=4, ffn_dim=96, **GEOMETRIES[name]),
        shortcut=shortcut,
        **options)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # norms that are not one, biases that are not zero
        for tensor in [*layer.frozen_tensors().values(), *layer.parameters()]:
            if not tensor.is_floating_point():
                continue
            noise = 0.1 * torch.randn(tensor.shape, generator=generator)
            tensor.copy_(noise + (tensor.dim() == 1))
    return layer


def padded():
    mask = torch.zeros(3, 9, dtype=torch.bool)
    mask[1, 4:] = True
    mask[2] = True  # nothing to look at
    return mask


def some_tokens(dtype=torch.float32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 9, 24, generator=generator).to(dtype)


def run(layer, mask, keep, dtype=torch.float32, autocast=False, seed=1):
    """Output and gradients of the tokens and of every parameter."""
    layer = layer.to(dtype)
    tokens = some_tokens(dtype, seed).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        out = layer(tokens, mask, keep)
    weight = torch.linspace(-1, 1, out.numel()).view_as(out)
    (out * weight.to(out.dtype)).sum().backward()
    return [out.detach(), tokens.grad,
            *(parameter.grad for parameter in layer.parameters())]


def worst(found, wanted):
    """Largest error of a tensor, as a share of that tensor's largest value.

    Or of a hundredth of the largest gradient: where a token can only look at
    itself, for example, the exact gradient of the queries is zero.
    """
    floor = max(x.abs().max() for x in wanted) / 100
    return max(((a - b).abs().max() / b.abs().max().clamp(min=floor)).item()
               for a, b in zip(found, wanted, strict=True))


def same_as_plain(name, way, mask, keep, **options):
    """In fp64 to 1e-11, so the formula is exact; in fp32 by rounding.

    Of a trained block every weight's gradient is compared, among them small
    ones that are left of large sums: up to 1.6e-5 was seen.
    """
    rounding = 3e-5 if options.get('trainable') else 1e-5
    for dtype, tolerance in ((torch.float64, 1e-11),
                             (torch.float32, rounding)):
        found, plain = (
            run(build(name, shortcut, **options), mask, keep, dtype)
            for shortcut in (way, 'off'))
        assert worst(found, plain) < tolerance


def some_calls(cases, count=2):
    """Each case with ``count`` choices of keep, maps, mask and causality."""
    chosen = []
    for i, case in enumerate(cases):
        chosen += [(*case, KEEPS[(2 * i + k + i // 3) % 4],
                    list(MAPS)[(i + k + i // 3 * 3) % 4], (i + k) % 2 == 1,
                    (i // 2 + i // 3) % 2 == 1) for k in range(count)]
    return chosen


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


def bf16_errors(name, shortcut, mask, keep):
    """Mean square error of output and each gradient, relative to fp64."""
    options = dict(map_bias=True, lora=dict(rank=3, targets=TARGETS))
    total = 0
    for seed in range(6):
        exact = run(build(name, 'off', **options), mask, keep, torch.float64,
                    seed=seed)
        found = run(build(name, shortcut, **options), mask, keep,
                    autocast=True, seed=seed)
        total = total + torch.tensor([
            (a.double() - b).square().mean() / b.square().mean()
            for a, b in zip(found, exact, strict=True)])
    return total


@pytest.mark.parametrize('name, way, all_tokens', [
    (name, way, (i + k) % 2 == 1)
    for i, name in enumerate(['llama', 'gemma2', 'bounded', 'bert', 'phi'])
    for k, way in enumerate(WAYS)])
def test_bf16_is_no_worse_than_the_plain_path(name, way, all_tokens):
    """Geometric mean over outputs and gradients, six draws of tokens.

    Roundings are luck: between two draws the ratio moves by a tenth. A unit
    of OPT's ReLU that rounding switches on or off moves it far more.
    """
    keep, mask = (None, padded()) if all_tokens else (KEEPS[0], None)
    found, plain = (bf16_errors(name, shortcut, mask, keep)
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


class TestKeptProducts:
    """In eval mode without gradients, products of weights are kept."""

    @pytest.mark.parametrize(
        'name, way, keep, maps, masked, causal', some_calls(
            itertools.product(LINEAR_KEYS, ['auto', *WAYS]), 1))
    def test_same_output(self, name, way, keep, maps, masked, causal):
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
    def test_dropped_the_moment_a_weight_changes(self, change):
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

    def test_made_once_and_dropped_by_training(self):
        layer = build('llama', 'fold').eval()
        first, second = operations(layer), operations(layer)
        assert first - second == FOLDING
        layer.train().eval()
        assert operations(layer) == first

    @pytest.mark.parametrize('way', WAYS)
    def test_not_used_where_there_are_gradients(self, way):
        """What was kept has no gradient to the map, in eval mode either."""
        found, wanted = [], []
        for shortcut, grads in ((way, found), ('off', wanted)):
            layer = build('llama', shortcut).double().eval()
            with torch.no_grad():
                layer(some_tokens(torch.double))
            grads += run(layer, None, KEEPS[0], torch.double)
        assert worst(found, wanted) < 1e-11

    def test_a_copy_and_a_pickle_have_none(self):
        layer = build('llama', 'fold').eval()
        size = len(pickle.dumps(layer))
        first = operations(layer)
        pickled = pickle.dumps(layer)
        assert len(pickled) == size
        for twin in (copy.deepcopy(layer), pickle.loads(pickled)):
            assert operations(twin) == first
        assert operations(layer) == first - FOLDING

    def test_in_half_precision_they_are_rounded_once(self):
        """Folded in fp32: each value is within half a spacing, 2^-8."""
        layer = build('llama', 'fold').bfloat16()
        block, weight = layer.blocks[0], layer.map_in.weight.double()
        exact = block.attn.k.weight.double() @ (
            block.attn_norm.weight.double()[:, None] * weight)
        kept = FoldCache().get(block, layer.map_in)
        assert kept.k.dtype == torch.bfloat16
        assert kept.gram.dtype == torch.float32
        assert_close(kept.k.double(), exact, rtol=2**-8, atol=1e-6)

    def test_under_autocast_they_are_folded_in_fp32(self):
        layer = build('llama', 'fold').eval()
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
            kept = FoldCache().get(layer.blocks[0], layer.map_in)
        wanted = FoldCache().get(layer.blocks[0], layer.map_in)
        assert torch.equal(kept.k, wanted.k)


# Three projections of 64 rows times the map (64 x 24), and its Gram matrix.
FOLDING = 2 * 3 * 64 * 64 * 24 + 2 * 24 * 64 * 24


def operations(layer):
    """Of one call in which no gradient is wanted."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(some_tokens())
    return counter.get_total_flops()


def forbid(layer, *names):
    for name in names:
        layer.blocks[-1].get_submodule(name).register_forward_hook(
            lambda *_: pytest.fail('formed'))


def test_keys_and_values_are_not_formed():
    for options in (dict(), dict(layers=(0, 1))):
        layer = build('llama', 'absorb', **options)
        forbid(layer, 'attn.k', 'attn.v')
        run(layer, None, slice(0, 1))


def test_folding_multiplies_no_token_with_a_wide_projection():
    layer = build('llama', 'fold')
    forbid(layer, 'attn.q', 'attn.k', 'attn.v')
    run(layer, None, None)


LLAMA = BlockGeometry(width=4096, num_heads=32, ffn_dim=11008)


class TestCostModel:

    @pytest.mark.parametrize('call, plan', [
        # ViT-S, class token: folding pays for many images a step only.
        (Call(384, 32, 197, 1, training=True), Plan(absorb=True)),
        (Call(384, 256, 197, 1, training=True), Plan(True, True)),
        (Call(384, 8, 197, 1, cached=True), Plan(True, True)),
        # All tokens: 65 of 32 point clouds, 1568 of a clip, 196 of an image.
        (Call(384, 32, 65, 65, training=True), Plan(fold=True)),
        (Call(384, 1, 1568, 1568, training=True), Plan(fold=True)),
        (Call(384, 1, 196, 196, training=True), Plan()),
        (Call(384, 1, 196, 196, cached=True), Plan(fold=True)),
        # Hardly any tokens: nothing is worth a product of weights.
        (Call(384, 1, 4, 1), Plan()),
        # Behind another block: keys of its own width.
        (Call(None, 8, 197, 1, training=True), Plan(absorb=True)),
        (Call(None, 8, 197, 197, training=True), Plan()),
    ])
    def test_choice(self, call, plan):
        plans = [Plan(f, a) for a in (False, True) for f in (False, True)]
        if call.embed_dims is None:
            plans = [Plan(), Plan(absorb=True)]
        assert cheapest(LLAMA, call, plans) == plan

    def test_several_blocks(self):
        call = Call(384, 32, 197, 1, training=True)
        assert choose_plans('auto', LLAMA, True, call, 2) == (
            Plan(fold=True), Plan(absorb=True))
        assert choose_plans('auto', LLAMA, False, call, 2) == (
            Plan(fold=True), Plan())
        assert choose_plans('fold_absorb', LLAMA, True, call, 2) == (
            Plan(fold=True), Plan(absorb=True))


@pytest.mark.parametrize('name, options', NO_ABSORPTION)
def test_absorption_is_refused_where_it_does_not_hold(name, options):
    tokens = some_tokens()
    layer = build(name, 'auto', **options)
    assert_close(layer(tokens, keep=[0]), layer(tokens)[:, [0]])
    for way in ('absorb', 'fold_absorb'):
        with pytest.raises(ValueError, match='norms of keys'):
            build(name, way, **options)


def test_the_way_can_be_changed_later():
    layer = build('grouped', 'absorb')
    forbid(layer, 'attn.k')
    layer(some_tokens(), keep=[0])
    layer.shortcut = 'fold'
    assert layer.shortcut == 'fold'
    with pytest.raises(ValueError, match="'nonsense' is unknown; known: auto"):
        layer.shortcut = 'nonsense'
    with pytest.raises(ValueError, match='rotary phase'):
        build('grouped', 'off', rope=True).shortcut = 'absorb'


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
