"""Norms, gate, blocks without attention, several blocks, recomputation.

Each against the formula written out, or against transformers' layer.
Residuals, maps and the MLP control are in test_layer.py, LoRA in
test_lora.py.
"""

from contextlib import contextmanager
from operator import attrgetter

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.testing import assert_close

from lm4ve_mm.llm import FrozenLLMLayer

from .family_cases import CASES, NUM_TOKENS, WIDTH, errors, model_of, reference
from .test_parity import TOLERANCE, build, llama_reference, relative_error

GEOMETRY = dict(width=32, num_heads=4, ffn_dim=64, rope_theta=100.)


def random_layer(**options):
    """In fp64, so that tolerances are those of formulas."""
    torch.manual_seed(7)
    layer = FrozenLLMLayer(
        12, init='random', geometry=GEOMETRY, map_bias=True, **options)
    with torch.no_grad():
        for index, parameter in enumerate(layer.parameters()):
            generator = torch.Generator().manual_seed(index)
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return layer.double()


def share_maps(layer, other):
    """Give ``layer`` the maps of ``other``."""
    for name in ('map_in', 'map_out'):
        getattr(layer, name).load_state_dict(
            getattr(other, name).state_dict())
    return layer


@pytest.fixture()
def tokens():
    return torch.randn(2, 5, 12, dtype=torch.float64,
                       generator=torch.Generator().manual_seed(3))


def gradients(out, inputs):
    """Of a sum with weights that differ from value to value."""
    weight = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return torch.autograd.grad((out * weight).sum(), inputs)


def layer_norm(x, weight, bias):
    x = x - x.mean(-1, keepdim=True)
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt(
        ) * weight + bias


class TestNorms:

    @pytest.mark.parametrize('keep', [None, [3, 0]], ids=str)
    @pytest.mark.parametrize('residual', ['none', 'in', 'hybrid'])
    def test_in(self, residual, keep, tokens):
        """F(norm(z)), and a residual around everything starts before it."""
        layer = random_layer(norm_in=True, residual=residual)
        inner = {'hybrid': 'in'}.get(residual, residual)
        plain = share_maps(random_layer(residual=inner), layer)
        tokens.requires_grad_()
        norm = layer.norm_in
        inputs = [tokens, norm.weight, norm.bias]
        found = layer(tokens, keep=keep)
        wanted = plain(layer_norm(tokens, norm.weight, norm.bias), keep=keep)
        if residual == 'hybrid':
            wanted = wanted + (tokens if keep is None else tokens[:, keep])
        assert_close(found, wanted)
        for a, b in zip(gradients(found, inputs), gradients(wanted, inputs)):
            assert b.abs().max() > 1e-3
            assert_close(a, b)

    @pytest.mark.parametrize('residual', ['none', 'out'])
    def test_out(self, residual, tokens):
        """norm(F(z)), and the residual is added behind it."""
        layer = random_layer(norm_out=True, residual=residual)
        plain = share_maps(random_layer(), layer)
        norm = layer.norm_out
        inputs = [norm.weight, norm.bias, layer.map_in.weight]
        found = layer(tokens)
        wanted = layer_norm(plain(tokens), norm.weight, norm.bias)
        wanted = wanted + (tokens if residual == 'out' else 0)
        assert_close(found, wanted)
        for a, b in zip(gradients(found, inputs), gradients(
                wanted, [*inputs[:2], plain.map_in.weight])):
            assert b.abs().max() > 1e-3
            assert_close(a, b)

    def test_they_are_trained_and_saved(self):
        names = set(random_layer(norm_in=True, norm_out=True).state_dict())
        assert names - set(random_layer().state_dict()) == {
            'norm_in.weight', 'norm_in.bias', 'norm_out.weight',
            'norm_out.bias'}
        assert not any('norm' in name for name in random_layer().state_dict())

    def test_they_start_as_plain_norms(self):
        layer = FrozenLLMLayer(12, init='random', geometry=GEOMETRY,
                               norm_in=True, norm_out=True)
        for norm in (layer.norm_in, layer.norm_out):
            assert (norm.weight == 1).all() and (norm.bias == 0).all()


@pytest.mark.parametrize('keep', [None, slice(0, 1), [4, 2]], ids=str)
@pytest.mark.parametrize('residual', ['none', 'out'])
def test_gate(residual, keep, tokens):
    """z * sigmoid(F(z)), and + z with a residual out."""
    layer = random_layer(gate=True, residual=residual)
    plain = share_maps(random_layer(), layer)
    tokens.requires_grad_()
    found = layer(tokens, keep=keep)
    kept = tokens if keep is None else tokens[:, keep]
    wanted = kept / (1 + torch.exp(-plain(tokens, keep=keep)))
    wanted = wanted + (kept if residual == 'out' else 0)
    assert_close(found, wanted)
    assert_close(gradients(found, [tokens, layer.map_out.weight]),
                 gradients(wanted, [tokens, plain.map_out.weight]))


# Of every placement of norms, where transformers adds what attention gives.
ATTENTION = {
    'llama': 'self_attn',
    'gemma2': 'self_attn',
    'opt': 'self_attn',
    'phi': 'self_attn',
    'pythia': 'attention',
    'bert': 'attention.output.dense',
}


@contextmanager
def without_attention(case, model):
    """Let attention give zero in transformers' layers."""

    def zeros(module, args, output):
        if isinstance(output, tuple):
            return (torch.zeros_like(output[0]), *output[1:])
        return torch.zeros_like(output)

    handles = [
        layer.get_submodule(ATTENTION[name]).register_forward_hook(zeros)
        for name, held in CASES.items() if held is case
        for layer in attrgetter(case.layers)(model)
    ]
    yield
    for handle in handles:
        handle.remove()


class TestWithoutAttention:

    @pytest.mark.parametrize('layers', [(1, ), (2, 0)], ids=str)
    @pytest.mark.parametrize('name', ATTENTION)
    def test_is_the_layer_whose_attention_gives_zero(self, name, layers,
                                                     tmp_path):
        case, model = CASES[name], model_of(name)
        x = torch.randn(2, NUM_TOKENS, WIDTH,
                        generator=torch.Generator().manual_seed(1))
        layer = build(model, tmp_path, layers=layers, final_norm='none',
                      attention=False)

        def wanted(x):
            for index in layers:
                x = reference(case, model, x, index)
            return x

        whole = wanted(x)
        with without_attention(case, model):
            found = errors(layer, wanted, x)
        assert max(found) < TOLERANCE
        # Attention is not so weak that it could be there or not.
        assert relative_error(layer(x), whole) > 100 * TOLERANCE

    @pytest.mark.parametrize('name', ATTENTION)
    def test_each_token_is_by_itself(self, name, tmp_path):
        layer = build(model_of(name), tmp_path, layers=(0, 2),
                      attention=False, residual='hybrid')
        x = torch.randn(2, NUM_TOKENS, WIDTH,
                        generator=torch.Generator().manual_seed(1))
        order = torch.tensor([4, 0, 6, 2, 5, 3, 1])
        out = layer(x)
        assert_close(layer(x[:, order]), out[:, order])
        assert_close(layer(x, keep=[5, 1]), out[:, [5, 1]])
        padding = torch.zeros(2, NUM_TOKENS, dtype=torch.bool)
        padding[0, 3:] = True
        assert torch.equal(layer(x, padding), out)
        changed = x.clone()
        changed[:, 2] += 1
        same = (layer(changed) == out).all(-1)
        assert same[:, [0, 1, 3, 4, 5, 6]].all() and not same[:, 2].any()

    @pytest.mark.parametrize('options, words', [
        (dict(rope=True), 'rope=True'),
        (dict(causal=True), 'causal=True'),
        (dict(trainable=True), 'trainable=True'),
        (dict(rope=True, causal=True), 'rope=True, causal=True'),
        (dict(lora=dict(rank=2, targets=['ffn.up', 'attn.q'])),
         'lora on attn.q'),
        (dict(lora=dict(rank=2)), 'lora on attn.q, lora on attn.v'),
    ], ids=str)
    def test_what_would_do_nothing_is_refused(self, options, words):
        with pytest.raises(ValueError, match=f'nothing for {words} to act'):
            random_layer(attention=False, **options)

    def test_updates_of_the_feed_forward_part_learn(self, tokens):
        layer = random_layer(
            attention=False, lora=dict(rank=2, targets=['ffn.up', 'map_in']))
        layer(tokens).square().mean().backward()
        assert all(p.grad.abs().sum() > 0 for p in layer.parameters())


class TestSeveralBlocks:

    @pytest.mark.parametrize('layers', [(1, 2), (2, 0), (0, 1, 2)], ids=str)
    def test_are_transformers_layers_in_the_given_order(
            self, layers, llama, tmp_path):
        layer = build(llama, tmp_path, layers=layers, final_norm='none')
        assert layer.identity.layers == layers

        def wanted(x):
            for index in layers:
                x = llama_reference(llama, x, index)
            return x

        x = torch.randn(2, 7, 48, generator=torch.Generator().manual_seed(1))
        assert max(errors(layer, wanted, x)) < TOLERANCE

    def test_order_is_part_of_the_identity(self, llama_folder):
        one, other = (FrozenLLMLayer(12, str(llama_folder), layers)
                      for layers in ((1, 2), (2, 1)))
        assert one.identity.sha256 != other.identity.sha256


def saved_bytes(layer, tokens, keep=None):
    """What autograd keeps from the forward pass, each tensor once.

    Parameters and frozen weights are there anyway.
    """
    held = {t.untyped_storage().data_ptr()
            for t in [*layer.parameters(), *layer.buffers(), tokens]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            # The tensor too, lest its memory be used again.
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        out = layer(tokens, keep=keep)
    return sum(size for size, _ in kept.values()), out


class TestRecomputation:
    OPTIONS = dict(layers=(0, 1), norm_in=True, gate=True, residual='hybrid',
                   lora=dict(rank=2, targets=['attn.k', 'ffn.up', 'map_in']))

    @pytest.mark.parametrize('autocast', [False, True])
    @pytest.mark.parametrize('keep', [None, [0]], ids=str)
    @pytest.mark.parametrize('shortcut', ['off', 'fold', 'absorb'])
    def test_same_output_and_gradients(self, shortcut, keep, autocast,
                                       tokens):
        """Bit for bit: the same operations are done again."""
        results = []
        for with_cp in (False, True):
            layer = random_layer(shortcut=shortcut, with_cp=with_cp,
                                 **self.OPTIONS).float()
            x = tokens.float().requires_grad_()
            with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
                out = layer(x, keep=keep)
            results.append([out, *gradients(out, [x, *layer.parameters()])])
        assert len(results[0]) == 2 + len(list(layer.parameters()))
        for a, b in zip(*results, strict=True):
            assert torch.equal(a, b)

    def test_less_is_kept(self, tokens):
        """Only what stands outside of the blocks: less than one of them."""
        sizes = {}
        for with_cp in (False, True):
            layer = random_layer(with_cp=with_cp, layers=(0, 1))
            sizes[with_cp], _ = saved_bytes(layer, tokens.requires_grad_())
        hidden = tokens[..., 0].numel() * GEOMETRY['ffn_dim'] * 8
        assert sizes[False] > 2 * 3 * hidden  # gate, up, their product
        assert sizes[True] < hidden

    @pytest.mark.parametrize('mode, runs', [('train', 2), ('eval', 1)])
    def test_blocks_run_twice_in_training_only(self, mode, runs, tokens):
        layer = getattr(random_layer(with_cp=True), mode)()
        calls = []
        layer.blocks[0].ffn.register_forward_hook(lambda *_: calls.append(1))
        layer(tokens).sum().backward()
        assert len(calls) == runs
        calls.clear()
        with torch.no_grad():
            layer(tokens)
        assert len(calls) == 1

    def test_maps_learn_behind_a_frozen_host(self, tokens):
        """Where the tokens themselves want no gradient."""
        layer = random_layer(with_cp=True)
        assert not tokens.requires_grad
        layer(tokens).square().mean().backward()
        assert all(p.grad.abs().sum() > 0 for p in layer.parameters())
