"""The neck against the same steps written out."""

import pytest
import torch

from lm4ve_mm.models import FrozenLLMNeck, TokenPoolingNeck

C = 12
LLM = dict(
    init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))


@pytest.fixture()
def neck():
    def build(**options):
        torch.manual_seed(0)
        neck = FrozenLLMNeck(C, {**LLM, **options.pop('llm', {})}, **options)
        # A norm of weight one and bias zero could be left out unnoticed.
        if options.get('norm_cfg', True):
            torch.nn.init.normal_(neck.norm.weight)
            torch.nn.init.normal_(neck.norm.bias)
        return neck

    return build


@pytest.fixture()
def tokens():
    return torch.randn(2, 5, C, generator=torch.Generator().manual_seed(1))


def close(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_class_token(neck, tokens):
    neck = neck()
    out, = neck((tokens, ))
    close(out, neck.norm(neck.layer(tokens))[:, 0])


def test_class_token_alone_is_computed(neck, tokens):
    neck, rows = neck(), []
    neck.layer.blocks[0].ffn.register_forward_hook(
        lambda module, args, out: rows.append(out.shape[1]))
    neck((tokens, ))
    assert rows == [1]


def test_mean_leaves_the_class_token_out(neck, tokens):
    neck = neck(pooling='mean')
    out, = neck((tokens, ))
    close(out, neck.norm(neck.layer(tokens)[:, 1:].mean(1)))


def test_mean_of_all_tokens(neck, tokens):
    neck = neck(pooling='mean', num_extra_tokens=0)
    close(neck(tokens)[0], neck.norm(neck.layer(tokens).mean(1)))


def test_mean_of_real_tokens_only(neck, tokens):
    neck = neck(pooling='mean')
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1, 3:] = True
    out, = neck((tokens, ), padding)
    short, = neck((tokens[1:, :3], ))
    close(out[1:], short)
    padding[0, 1:] = True  # nothing but the class token is left
    assert neck((tokens, ), padding)[0].isfinite().all()


def test_class_token_beside_the_maximum(neck, tokens):
    """The norm comes before the maximum, and the class token is not in it."""
    neck = neck(pooling='cls_max')
    out, = neck((tokens, ))
    normed = neck.norm(neck.layer(tokens))
    close(out, torch.cat([normed[:, 0], normed[:, 1:].amax(1)], 1))
    # Were the class token part of it, some channel would show it.
    assert (normed.amax(1) != normed[:, 1:].amax(1)).any()
    assert not torch.allclose(
        out[:, C:], neck.norm(neck.layer(tokens)[:, 1:].amax(1)))


def test_maximum_of_real_tokens_only(neck, tokens):
    neck = neck(pooling='cls_max')
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1, 3:] = True
    out, = neck((tokens, ), padding)
    short, = neck((tokens[1:, :3], ))
    close(out[1:], short)
    padding[0, 1:] = True  # nothing but the class token is left
    lonely, = neck((tokens, ), padding)
    assert torch.equal(lonely[0, C:], torch.zeros(C))
    lonely.sum().backward()
    assert neck.norm.weight.grad.isfinite().all()


def test_maximum_leaves_all_extra_tokens_out(neck, tokens):
    neck = neck(pooling='cls_max', num_extra_tokens=2)
    normed = neck.norm(neck.layer(tokens))
    close(neck(tokens)[0][:, C:], normed[:, 2:].amax(1))


@pytest.mark.parametrize('pooling', ['cls', 'mean', 'cls_max', 'raw'])
def test_twin_without_block(neck, tokens, pooling):
    """The baseline's neck is the same function of the layer's output."""
    neck = neck(pooling=pooling)
    twin = TokenPoolingNeck(C, pooling)
    kept = {name: value for name, value in neck.state_dict().items()
            if not name.startswith('layer.')}
    twin.load_state_dict(kept, strict=True)
    close(twin(neck.layer(tokens))[0], neck(tokens)[0])


def test_raw_tokens(neck, tokens):
    neck = neck(pooling='raw')
    out, = neck((tokens, ))
    close(out, neck.norm(neck.layer(tokens)))


@pytest.mark.parametrize('size', [(2, 3), (2, 2, 3)], ids=['HW', 'THW'])
@pytest.mark.parametrize('channels_last', [False, True])
def test_feature_maps(neck, size, channels_last):
    """A map is its positions as tokens, and comes back in its layout."""
    neck = neck(pooling='raw', channels_last=channels_last)
    dims = (*size, C) if channels_last else (C, *size)
    feature = torch.randn(2, *dims)
    out, = neck((feature, ))
    assert out.shape == feature.shape
    if channels_last:
        place, where = feature[:, 1, 0], out[:, 1, 0]
        flat, index = feature.reshape(2, -1, C), size[-1]
        if len(size) == 3:
            place, where, index = place[:, 0], where[:, 0], size[1] * size[2]
    else:
        flat, index = feature.reshape(2, C, -1).transpose(1, 2), 1
        last = (0, ) * (len(size) - 1) + (1, )
        where = out[(slice(None), slice(None), *last)]
    close(where, neck.norm(neck.layer(flat)[:, index]))


def test_mean_of_a_feature_map_takes_every_position(neck):
    neck = neck(pooling='mean')
    feature = torch.randn(2, C, 2, 3)
    flat = feature.flatten(2).transpose(1, 2)
    close(neck((feature, ))[0], neck.norm(neck.layer(flat).mean(1)))


def test_earlier_levels_pass_through(neck, tokens):
    early = torch.randn(2, 3, 4, 4)
    out = neck()((early, tokens))
    assert out[0] is early and out[1].shape == (2, C)


def test_without_norm(neck, tokens):
    neck = neck(norm_cfg=None)
    close(neck(tokens)[0], neck.layer(tokens)[:, 0])


def test_mlp_control_by_type(tokens):
    neck = FrozenLLMNeck(C, dict(type='lm4ve_mm.MLPLayer', hidden_dims=32))
    close(neck(tokens)[0], neck.norm(neck.layer(tokens)[:, 0]))


def test_unknown_pooling():
    with pytest.raises(ValueError, match="'max'.*cls, mean, cls_max"):
        FrozenLLMNeck(C, LLM, pooling='max')


@pytest.mark.parametrize('pooling', ['cls', 'cls_max'])
def test_class_token_of_a_map(neck, pooling):
    with pytest.raises(ValueError, match="pooling='mean' or 'raw'"):
        neck(pooling=pooling)((torch.zeros(2, C, 2, 2), ))


def test_maximum_beside_no_class_token():
    with pytest.raises(ValueError, match='num_extra_tokens=0'):
        TokenPoolingNeck(C, 'cls_max', num_extra_tokens=0)


def test_pooled_features_name_the_remedy(neck):
    with pytest.raises(ValueError, match='gap_before_final_norm=False'):
        neck()((torch.zeros(2, C), ))


def test_width_of_another_host(neck):
    with pytest.raises(ValueError, match='in_channels'):
        neck()((torch.zeros(2, 5, C + 1), ))
