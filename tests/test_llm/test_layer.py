"""What is frozen, what is saved, what each keyword does."""

import copy
import io
import itertools

import pytest
import torch

from lm4ve_mm.llm import (
    BlockIdentity,
    BlockMismatchError,
    CheckpointError,
    FrozenLLMLayer,
    MLPLayer,
    digest,
)
from lm4ve_mm.llm.block.tokens import count_kept

GEOMETRY = dict(width=32, num_heads=4, ffn_dim=64)


def random_layer(seed=0, **options):
    torch.manual_seed(7)
    return FrozenLLMLayer(
        12, init='random', geometry=GEOMETRY, seed=seed, **options)


@pytest.fixture()
def tokens():
    return torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(3))


class TestFrozen:

    def test_no_parameter_but_the_maps(self, llama_folder):
        layer = FrozenLLMLayer(12, str(llama_folder))
        assert sorted(dict(layer.named_parameters())) == [
            'map_in.weight', 'map_out.weight'
        ]
        assert sorted(layer.state_dict()) == [
            'block_identity', 'layer_function', 'map_in.weight',
            'map_out.weight'
        ]
        assert not any(
            isinstance(module, (torch.nn.Linear, torch.nn.LayerNorm))
            for module in layer.modules())

    def test_three_steps_move_every_map_and_nothing_else(
            self, llama_folder, tokens):
        layer = FrozenLLMLayer(12, str(llama_folder), map_bias=True)
        optimiser = torch.optim.AdamW(layer.parameters(), lr=1e-2)
        maps = {n: p.detach().clone() for n, p in layer.named_parameters()}
        frozen = {n: t.clone() for n, t in layer.frozen_tensors().items()}
        for _ in range(3):
            optimiser.zero_grad()
            layer(tokens).square().mean().backward()
            optimiser.step()
        for name, parameter in layer.named_parameters():
            assert not torch.equal(parameter, maps[name]), name
        for name, tensor in layer.frozen_tensors().items():
            assert torch.equal(tensor, frozen[name]), name
        assert len(frozen) == 10  # 7 linear maps, 2 norms, the final norm
        layer.check_digest()

    def test_deepcopy_shares_the_block_and_copies_the_maps(self):
        layer = random_layer()
        twin = copy.deepcopy(layer)
        for name, tensor in layer.frozen_tensors().items():
            assert twin.frozen_tensors()[name] is tensor
        assert twin.map_in.weight is not layer.map_in.weight
        assert twin.digest() == layer.digest()

    @pytest.mark.parametrize('name', ['blocks.0.ffn.down.weight',
                                      'final_norm.weight'])
    def test_change_is_noticed(self, name):
        layer = random_layer()
        layer.check_digest()
        layer.frozen_tensors()[name].view(-1)[3] += 1e-6
        with pytest.raises(BlockMismatchError, match='have changed'):
            layer.check_digest()

    def test_rounding_by_half_is_noticed_and_widening_is_not(self):
        layer = random_layer()
        assert layer.double().digest() == layer.identity.sha256
        layer.half()
        with pytest.raises(BlockMismatchError, match="dtype='float16'"):
            layer.check_digest()

    def test_trained_block_is_saved(self, llama_folder, tokens):
        layer = FrozenLLMLayer(12, str(llama_folder), trainable=True)
        assert 'blocks.0.attn.q.weight' in layer.state_dict()
        layer(tokens).square().mean().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0
                   for p in layer.parameters())


class TestLoading:

    def test_round_trip_gives_the_same_output(self, llama_folder, tokens):
        layer = FrozenLLMLayer(12, str(llama_folder))
        file = io.BytesIO()
        torch.save(layer.state_dict(), file)
        file.seek(0)
        other = FrozenLLMLayer(12, str(llama_folder))
        assert not torch.equal(other(tokens), layer(tokens))
        other.load_state_dict(torch.load(file, weights_only=True))
        assert torch.equal(other(tokens), layer(tokens))

    def test_another_block_is_refused(self):
        state = random_layer(seed=0).state_dict()
        with pytest.raises(BlockMismatchError) as caught:
            random_layer(seed=1).load_state_dict(state)
        assert "'seed 0'" in str(caught.value)
        assert "'seed 1'" in str(caught.value)

    def test_training_a_block_starts_from_the_one_of_the_maps(self):
        """The maps of a frozen block, to go on with the block trained."""
        state = random_layer(seed=0).state_dict()
        layer = random_layer(seed=0, trainable=True)
        found = layer.load_state_dict(state, strict=False)
        assert not found.unexpected_keys
        assert all(name.startswith(('blocks.', 'final_norm.'))
                   for name in found.missing_keys)
        assert torch.equal(layer.map_in.weight, state['map_in.weight'])
        with pytest.raises(BlockMismatchError, match="'seed 0'.*'seed 1'"):
            random_layer(seed=1, trainable=True).load_state_dict(
                state, strict=False)

    def test_trained_final_norm_is_part_of_the_identity(self, llama_folder):
        found, wanted = (
            FrozenLLMLayer(12, str(llama_folder), final_norm='loaded',
                           trainable=trainable).identity.sha256
            for trainable in (True, False))
        assert found == wanted

    def test_name_of_the_source_does_not_matter(self, llama_folder):
        state = FrozenLLMLayer(12, str(llama_folder)).state_dict()
        moved = llama_folder.rename(llama_folder.with_name('a-longer-name'))
        layer = FrozenLLMLayer(12, str(moved))
        layer.load_state_dict(state)
        assert layer.identity.source == 'a-longer-name'

    def test_trained_block_does_not_fit_a_frozen_one(self):
        state = random_layer(trainable=True).state_dict()
        with pytest.raises(BlockMismatchError, match='trainable=True'):
            random_layer().load_state_dict(state)

    def test_identity_survives_as_bytes(self):
        identity = random_layer().identity
        assert BlockIdentity.from_tensor(identity.to_tensor()) == identity


class TestDigest:

    def test_depends_on_values_names_and_order(self):
        a, b = torch.arange(6.), torch.arange(6.) + 1
        base = digest([dict(x=a), dict(x=b)])
        assert base == digest([dict(x=a.double()), dict(x=b)])
        for other in ([dict(x=b), dict(x=a)], [dict(y=a), dict(x=b)],
                      [dict(x=a.view(2, 3)), dict(x=b)], [dict(x=a)]):
            assert digest(other) != base
        # One block of two tensors is not two blocks of one.
        assert digest([dict(x=a, y=b)]) != digest([dict(x=a), dict(y=b)])

    def test_long_tensor_is_hashed_to_its_end(self):
        long = torch.zeros((1 << 24) + 5)
        before = digest([dict(x=long)])
        long[-1] = 1
        assert digest([dict(x=long)]) != before


class TestKeywords:

    def test_random_block_is_reproducible(self):
        assert random_layer().digest() == random_layer().digest()
        assert random_layer().digest() != random_layer(seed=1).digest()

    def test_random_block_leaves_the_global_generator_alone(self):
        torch.manual_seed(0)
        wanted = torch.rand(1)
        torch.manual_seed(0)
        from lm4ve_mm.llm.block.geometry import BlockGeometry
        from lm4ve_mm.llm.weights.random_block import random_blocks
        random_blocks(BlockGeometry(**GEOMETRY), 2, 5)
        assert torch.equal(torch.rand(1), wanted)

    def test_random_block_of_a_checkpoint_has_its_geometry(self, llama_folder):
        layer = FrozenLLMLayer(12, str(llama_folder), init='random')
        real = FrozenLLMLayer(12, str(llama_folder))
        assert layer.geometry == real.geometry
        assert layer.digest() != real.digest()

    @pytest.mark.parametrize('options', [
        dict(init='random'),
        dict(init='random', checkpoint='x', geometry=GEOMETRY),
        dict(geometry=GEOMETRY),
        dict(checkpoint='x', geometry=GEOMETRY),
        dict(init='zero', geometry=GEOMETRY),
    ], ids=str)
    def test_contradicting_sources(self, options):
        with pytest.raises(ValueError, match='init'):
            FrozenLLMLayer(12, **options)

    def test_residuals(self, tokens):
        """out = out0 + z, in = W2 (norm(block(W1 z)) + W1 z)."""
        plain = random_layer()(tokens)
        layer = random_layer(residual='in')
        skip = layer.map_out(layer.map_in(tokens))
        torch.testing.assert_close(layer(tokens), plain + skip)
        torch.testing.assert_close(
            random_layer(residual='out')(tokens), plain + tokens)
        torch.testing.assert_close(
            random_layer(residual='hybrid')(tokens), plain + skip + tokens)

    @pytest.mark.parametrize('residual', ['in', 'hybrid'])
    def test_residuals_of_kept_tokens(self, residual, tokens):
        layer = random_layer(residual=residual)
        torch.testing.assert_close(
            layer(tokens, keep=[3]), layer(tokens)[:, [3]])

    def test_map_inits(self):
        weights = {}
        for name in ('trunc_normal', 'default', 'xavier', 'zero_output'):
            torch.manual_seed(0)
            layer = FrozenLLMLayer(
                400,
                init='random',
                geometry=dict(width=600, num_heads=4, ffn_dim=8),
                map_init=name)
            weights[name] = [layer.map_in.weight, layer.map_out.weight]
        normal, default = weights['trunc_normal'][0], weights['default']
        # 240,000 draws: the deviation is known to 0.3 %.
        assert abs(normal.std().item() - 0.02) < 2e-4
        assert 0.049 < default[0].abs().max().item() <= 400**-0.5
        assert 0.040 < default[1].abs().max().item() <= 600**-0.5
        bound = (6 / 1000)**0.5
        assert 0.97 * bound < weights['xavier'][0].abs().max() <= bound
        assert not weights['zero_output'][1].any()
        assert weights['zero_output'][0].any()

    def test_map_bias(self):
        names = dict(random_layer(map_bias=True).named_parameters())
        assert 'map_in.bias' in names and 'map_out.bias' in names

    def test_loaded_norm_that_is_not_there(self, bert, tmp_path):
        bert.save_pretrained(tmp_path)
        with pytest.raises(CheckpointError, match="'ones' or 'none'"):
            FrozenLLMLayer(12, str(tmp_path), final_norm='loaded')

    def test_loaded_norm_is_part_of_the_identity(self, llama_folder):
        one = FrozenLLMLayer(12, str(llama_folder), final_norm='loaded')
        two = FrozenLLMLayer(12, str(llama_folder))
        assert one.identity.sha256 != two.identity.sha256

    def test_phase_of_a_family_without_one(self, bert, tmp_path):
        bert.save_pretrained(tmp_path)
        with pytest.raises(ValueError, match='rope=False'):
            FrozenLLMLayer(12, str(tmp_path), rope=True)

    @pytest.mark.parametrize(
        'key', ['residual', 'final_norm', 'map_init', 'dtype'])
    def test_unknown_value(self, key):
        with pytest.raises(ValueError, match="'nonsense' is unknown; known:"):
            random_layer(**{key: 'nonsense'})


class TestInput:

    def test_wrong_width(self):
        with pytest.raises(ValueError, match=r'\(2, 5, 13\).*\(B, N, 12\)'):
            random_layer()(torch.zeros(2, 5, 13))

    @pytest.mark.parametrize('keep, error', [
        ([5], IndexError), ([-6], IndexError), ([], IndexError),
        (slice(5, 9), IndexError), ([[0]], TypeError),
        (torch.ones(5, dtype=torch.bool), TypeError), ([0.5], TypeError),
    ], ids=str)
    def test_bad_keep(self, keep, error, tokens):
        with pytest.raises(error, match='keep'):
            random_layer()(tokens, keep=keep)

    def test_slices_are_counted_as_python_counts_them(self):
        edges = [None, *range(-7, 8)]
        for start, stop, step in itertools.product(edges, edges, (None, 1, 3)):
            keep = slice(start, stop, step)
            assert count_kept(keep, 5) == len(range(5)[keep]), keep

    def test_backwards(self, tokens):
        with pytest.raises(ValueError, match='backwards; give the indices'):
            random_layer()(tokens, keep=slice(None, None, -1))

    def test_a_number(self, tokens):
        with pytest.raises(TypeError, match=r'a list: keep=\[3\]'):
            random_layer()(tokens, keep=3)

    @pytest.mark.parametrize('mask, error', [
        (torch.zeros(2, 5), TypeError),
        (torch.zeros(2, 4, dtype=torch.bool), ValueError),
    ], ids=['float', 'shape'])
    def test_bad_mask(self, mask, error, tokens):
        with pytest.raises(error, match='key_padding_mask'):
            random_layer()(tokens, mask)


class TestMLPControl:

    def test_same_parameters_but_for_the_norm(self):
        control = MLPLayer(12, 32)
        counted = [sum(p.numel() for p in layer.parameters())
                   for layer in (control, random_layer())]
        assert counted[0] - counted[1] == 2 * 32

    def test_is_gelu_then_norm(self, tokens):
        layer = MLPLayer(12, 32)
        hidden = tokens @ layer.map_in.weight.T
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
        hidden = (hidden - hidden.mean(-1, keepdim=True)) / (
            hidden.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        wanted = hidden @ layer.map_out.weight.T
        torch.testing.assert_close(layer(tokens), wanted)
        torch.testing.assert_close(layer(tokens, keep=[1]), wanted[:, [1]])
