"""LoRA of the block and of the maps: the function, the gradients, the file."""

import copy

import pytest
import torch
from torch.testing import assert_close

from lm4ve_mm.llm import BlockMismatchError, FrozenLLMLayer

KINDS = {
    'llama': dict(),
    'opt': dict(norm='layer', gated=False, activation='relu', qkv_bias=True,
                out_bias=True, ffn_bias=True),
}
BLOCK = ('attn.q', 'attn.k', 'attn.v', 'attn.out', 'ffn.up', 'ffn.down')
MAPS = ('map_in', 'map_out')


def make(kind='llama', draw=0, **options):
    """A layer of random weights; ``draw`` seeds torch's own generator."""
    torch.manual_seed(draw)
    return FrozenLLMLayer(
        12,
        init='random',
        geometry=dict(width=32, num_heads=4, ffn_dim=64, **KINDS[kind]),
        **options)


def with_lora(*targets, kind='llama', rank=2, alpha=None, trained=True,
              **options):
    """A layer with LoRA, its updates no longer zero if ``trained``."""
    lora = dict(rank=rank, targets=targets, alpha=alpha)
    layer = make(kind, lora=lora, **options)
    if trained:
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                if name.endswith('lora.up'):
                    parameter.copy_(0.3 * torch.randn(
                        parameter.shape, generator=generator))
    return layer


def merged(layer, factor, kind, **options):
    """A layer without LoRA: W + factor * up @ down in place of each W."""
    plain = make(kind, **options).to(layer.map_in.weight.dtype)
    for name, module in layer.named_modules():
        if not hasattr(module, 'weight'):
            continue
        twin = plain.get_submodule(name)
        weight, lora = module.weight.detach(), getattr(module, 'lora', None)
        if lora is not None:
            weight = weight + factor * lora.up.detach() @ lora.down.detach()
        twin.weight.data.copy_(weight)
    return plain


@pytest.fixture()
def tokens():
    return torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize('kind', KINDS)
def test_at_the_start_it_is_the_plain_layer(kind, tokens):
    layer = with_lora(*BLOCK, kind=kind, trained=False, shortcut='off')
    plain = merged(layer, 0, kind, shortcut='off')
    assert torch.equal(layer(tokens), plain(tokens))


@pytest.mark.parametrize('targets', [*((t, ) for t in BLOCK + MAPS),
                                     BLOCK + MAPS], ids=str)
@pytest.mark.parametrize('kind', KINDS)
def test_equals_merged_weights(kind, targets, tokens):
    """W + alpha / rank * up @ down, in fp64: outputs and gradients."""
    layer = with_lora(*targets, kind=kind, rank=3, alpha=5,
                      layers=(0, 1)).double()
    plain = merged(layer, 5 / 3, kind, layers=(0, 1))
    results = []
    for one in (layer, plain):
        x = tokens.double().requires_grad_()
        out = one(x)
        out.square().sum().backward()
        results.append([out, x.grad])
    assert_close(*results, rtol=1e-10, atol=1e-10)
    unchanged = merged(layer, 0, kind, layers=(0, 1))
    assert (unchanged(tokens.double()) - results[0][0]).abs().max() > 1e-4


def test_gradient_of_an_update_is_that_of_the_weight(tokens):
    """dL/dup = factor * dL/dW down^T, with dL/dW from a trained block."""
    layer = with_lora('attn.v', 'ffn.down', rank=3, alpha=6).double()
    plain = make(trainable=True).double()
    with torch.no_grad():
        for name in MAPS:
            getattr(plain, name).weight.copy_(getattr(layer, name).weight)
        for name in ('attn.v', 'ffn.down'):
            module = layer.blocks[0].get_submodule(name)
            plain.blocks[0].get_submodule(name).weight.copy_(
                module.weight + 2 * module.lora.up @ module.lora.down)
    for one in (layer, plain):
        one(tokens.double()).square().sum().backward()
    for name in ('attn.v', 'ffn.down'):
        lora = layer.blocks[0].get_submodule(name).lora
        grad = plain.blocks[0].get_submodule(name).weight.grad
        assert grad.abs().max() > 1e-4
        assert_close(lora.up.grad, 2 * grad @ lora.down.T)
        assert_close(lora.down.grad, 2 * lora.up.T @ grad)


def test_alpha_is_the_rank_unless_given(tokens):
    layer = with_lora('attn.v', rank=4)
    assert_close(layer(tokens),
                 with_lora('attn.v', rank=4, alpha=4)(tokens))
    assert not torch.allclose(
        layer(tokens), with_lora('attn.v', rank=4, alpha=8)(tokens))


class TestWhatIsTrainedAndSaved:

    def test_of_the_block(self):
        layer = with_lora('attn.q', 'ffn.gate', layers=(0, 1))
        trained = {'map_in.weight', 'map_out.weight'}
        marks = {'block_identity', 'layer_function'}
        for index in (0, 1):
            for target in ('attn.q', 'ffn.gate'):
                name = f'blocks.{index}.{target}.lora'
                trained |= {f'{name}.up', f'{name}.down'}
                marks |= {f'{name}.saved_scale'}
        assert set(dict(layer.named_parameters())) == trained
        assert set(layer.state_dict()) == trained | marks
        rows = {name: tuple(p.shape) for name, p in layer.named_parameters()}
        assert rows['blocks.1.ffn.gate.lora.up'] == (64, 2)
        assert rows['blocks.1.ffn.gate.lora.down'] == (2, 32)

    def test_of_the_maps(self):
        layer = with_lora(*MAPS, map_bias=True)
        trained = {f'{name}.{part}' for name in MAPS
                   for part in ('bias', 'lora.up', 'lora.down')}
        marks = {f'{name}.{part}' for name in MAPS
                 for part in ('drawn', 'lora.saved_scale')}
        assert set(dict(layer.named_parameters())) == trained
        assert set(layer.state_dict()) == {
            *trained, *marks, 'block_identity', 'layer_function'}

    def test_steps_move_them_and_nothing_else(self, tokens):
        layer = with_lora(*BLOCK, *MAPS, trained=False, layers=(0, 1))
        optimiser = torch.optim.Adam(layer.parameters(), lr=1e-2)
        before = {n: p.detach().clone() for n, p in layer.named_parameters()}
        frozen = {n: t.clone() for n, t in layer.frozen_tensors().items()}
        for _ in range(3):
            optimiser.zero_grad()
            layer(tokens).square().mean().backward()
            optimiser.step()
        assert len(before) == 2 * (2 * 6 + 2)
        for name, parameter in layer.named_parameters():
            assert not torch.equal(parameter, before[name]), name
        # Two blocks of 7 linear maps and 2 norms, final norm, 2 maps.
        assert len(frozen) == 2 * 9 + 1 + 2
        for name, tensor in layer.frozen_tensors().items():
            assert torch.equal(tensor, frozen[name]), name
            assert tensor.grad is None and not tensor.requires_grad
        layer.check_digest()

    def test_round_trip(self, tokens):
        layer = with_lora('attn.q', 'map_in', layers=(0, 1))
        other = with_lora('attn.q', 'map_in', layers=(0, 1), trained=False,
                          draw=9)
        assert not torch.allclose(other(tokens), layer(tokens))
        other.load_state_dict(layer.state_dict())
        assert torch.equal(other(tokens), layer(tokens))

    def test_a_copy_learns_for_itself(self, tokens):
        layer = with_lora('attn.v', *MAPS)
        twin = copy.deepcopy(layer)
        assert torch.equal(twin(tokens), layer(tokens))
        with torch.no_grad():
            twin.blocks[0].attn.v.lora.up.mul_(2)
            twin.map_in.lora.up.mul_(2)
        assert not torch.allclose(twin(tokens), layer(tokens))
        assert twin.blocks[0].attn.v.weight is layer.blocks[0].attn.v.weight
        for one in (layer, twin):
            one.check_digest()


class TestOtherWeights:
    """What a checkpoint of another kind meets; loaders need not be strict."""

    @pytest.mark.parametrize('strict', [True, False])
    @pytest.mark.parametrize('given, model, words', [
        (dict(targets=['attn.q']), None, 'blocks.0.attn.q.lora.*set lora='),
        (dict(targets=['map_in']), None, 'map_in.lora.*set lora='),
        (dict(targets=['attn.q', 'attn.k']), dict(targets=['attn.q']),
         r'\(blocks.0.attn.k.lora'),
        (dict(rank=4), dict(rank=2), 'of rank 4, .*of rank 2: set lora.rank'),
        (dict(alpha=8), dict(alpha=4), 'rank = 4, .* has 2: set lora.alpha'),
        (None, dict(targets=['map_in']), 'a trained map_in.weight'),
        (None, dict(targets=['map_out']), 'take map_out out of lora.targ'),
    ], ids=str)
    def test_are_refused(self, given, model, words, strict):
        state, layer = (
            make(lora=lora and {'rank': 2, **lora}) for lora in (given, model))
        before = {n: p.detach().clone() for n, p in layer.named_parameters()}
        with pytest.raises(BlockMismatchError, match=words):
            layer.load_state_dict(state.state_dict(), strict=strict)
        if 'rank' not in words:  # found before anything is copied
            for name, parameter in layer.named_parameters():
                assert torch.equal(parameter, before[name]), name

    def test_plain_ones_lack_the_updates(self, tokens):
        """A strict loader says so; another starts from them."""
        plain = make(draw=4)
        layer = with_lora('attn.q', trained=False)
        with pytest.raises(RuntimeError, match=r'Missing.*attn.q.lora.down'):
            layer.load_state_dict(plain.state_dict())
        layer.load_state_dict(plain.state_dict(), strict=False)
        assert_close(layer(tokens), plain(tokens))

    def test_half_precision_rounds_the_scale(self):
        """1 / 3 in bf16 is 0.3340, in fp16 0.33325."""
        layer = with_lora('attn.q', rank=3, alpha=1)
        for dtype in (torch.float16, torch.bfloat16):
            state = {name: value.to(dtype) if value.is_floating_point()
                     else value for name, value in layer.state_dict().items()}
            layer.load_state_dict(state)


class TestDrawnMaps:

    def test_the_seed_draws_them(self):
        layer = with_lora(*MAPS, draw=0, seed=3)
        again = with_lora(*MAPS, draw=1, seed=3)
        other = with_lora(*MAPS, draw=0, seed=4)
        for name in MAPS:
            weight = getattr(layer, name).weight
            assert torch.equal(weight, getattr(again, name).weight)
            assert not torch.equal(weight, getattr(other, name).weight)
            # 384 draws of a normal of 0.02 cut at two deviations' distance.
            assert 0.017 < weight.std() < 0.023

    def test_the_global_generator_does_not_matter(self):
        """One that is drawn, one that is trained: as with both drawn."""
        one = with_lora('map_in', seed=3)
        assert torch.equal(one.map_in.weight,
                           with_lora(*MAPS, seed=3).map_in.weight)
        assert isinstance(one.map_out.weight, torch.nn.Parameter)

    @pytest.mark.parametrize('change', [
        dict(seed=1), dict(map_init='xavier')], ids=str)
    def test_updates_of_other_maps_are_refused(self, change, llama_folder):
        """Around one and the same pretrained block."""
        lora = dict(rank=2, targets=MAPS)
        layer, other = (
            FrozenLLMLayer(12, str(llama_folder), lora=lora, **options)
            for options in (dict(), change))
        assert layer.identity.sha256 == other.identity.sha256
        with pytest.raises(BlockMismatchError,
                           match='update another map_in.*llm.map_init'):
            other.load_state_dict(layer.state_dict(), strict=False)

    @pytest.mark.parametrize('name', MAPS)
    def test_a_write_is_noticed(self, name):
        layer = with_lora(*MAPS)
        layer.check_digest()
        layer.double().check_digest()
        getattr(layer, name).weight[1, 1] += 1e-6
        with pytest.raises(BlockMismatchError,
                           match=f'weight of {name} has changed'):
            layer.check_digest()

    def test_marks_are_no_weights(self):
        layer = with_lora('attn.q', *MAPS)
        shapes = [tuple(t.shape) for name, t in layer.frozen_tensors().items()
                  if not name.startswith('blocks')]
        assert sorted(shapes) == [(12, 32), (32, ), (32, 12)]


class TestConfig:

    @pytest.mark.parametrize('lora, words', [
        (dict(), 'rank is required'),
        (dict(targets=['attn.q']), 'rank is required'),
        (dict(rank=2, dropout=0.1), 'keys rank, targets, alpha'),
        (dict(rank=0), 'rank=0 should be an integer, 1 or more'),
        (dict(rank=-1), 'rank=-1 should be an integer, 1 or more'),
        (dict(rank=1.5), 'rank=1.5 should be an integer, 1 or more'),
        (dict(rank=2, alpha=0), 'alpha=0 should be more than 0'),
        (dict(rank=2, alpha=-1.), 'alpha=-1.0 should be more than 0'),
        (dict(rank=2, targets=[]), r'targets=\(\) are unknown or none'),
        (dict(rank=2, targets='attn.q'), "'attn.q' should be a list"),
        (dict(rank=2, targets=['q_proj']), "'q_proj'.*has attn.q, attn.k"),
    ], ids=str)
    def test_mistakes(self, lora, words):
        with pytest.raises(ValueError, match=words):
            make(lora=lora)

    def test_targets_are_those_of_the_block(self):
        """OPT's feed-forward part has no gate; the message lists the maps."""
        with_lora('ffn.gate')
        with pytest.raises(ValueError, match=r'ffn.gate.*unknown.*ffn.down, '
                                             'map_in, map_out'):
            with_lora('ffn.gate', kind='opt')

    def test_a_trained_block_needs_none(self):
        with pytest.raises(ValueError, match='either lora or trainable=True'):
            make(lora=dict(rank=2), trainable=True)
