"""The block against transformers' own layers: outputs and gradients."""

import pytest
import torch

from lm4ve_mm.llm import FrozenLLMLayer

# Two correct fp32 implementations differ by rounding: 1e-5 of the largest
# value allows about 80 units in the last place.
TOLERANCE = 1e-5


def relative_error(found, wanted):
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


def build(model, folder, **options):
    model.save_pretrained(folder)
    width = model.config.hidden_size
    layer = FrozenLLMLayer(width, str(folder), **options)
    # Maps of identity leave the block alone to be compared.
    for mapping in (layer.map_in, layer.map_out):
        mapping.weight.data.copy_(torch.eye(width))
    return layer


def llama_reference(model, x, index=-1, padding=None, native=False):
    """transformers' layer; without ``native`` no phase and no causality."""
    num = x.shape[1]
    cosine, sine = model.rotary_emb(x, torch.arange(num)[None])
    allowed = torch.ones(num, num, dtype=torch.bool)
    if native:
        allowed = allowed.tril()
    else:
        cosine, sine = torch.ones_like(cosine), torch.zeros_like(sine)
    allowed = allowed[None, None].expand(x.shape[0], 1, num, num)
    if padding is not None:
        allowed = allowed & ~padding[:, None, None]
    bias = torch.zeros(allowed.shape).masked_fill(~allowed, float('-inf'))
    out = model.layers[index](
        x, attention_mask=bias, position_embeddings=(cosine, sine))
    return out[0] if isinstance(out, tuple) else out


def bert_reference(model, x, index=-1, padding=None):
    bias = None
    if padding is not None:
        bias = torch.zeros(padding.shape).masked_fill(padding, float('-inf'))
        bias = bias[:, None, None]
    out = model.encoder.layer[index](x, attention_mask=bias)
    return out[0] if isinstance(out, tuple) else out


@pytest.fixture()
def tokens():
    return torch.randn(2, 7, 48, generator=torch.Generator().manual_seed(1))


@pytest.fixture()
def padding():
    mask = torch.zeros(2, 7, dtype=torch.bool)
    mask[1, 4:] = True
    return mask


def compare(layer, reference, tokens, padding):
    ours, theirs = (tokens.clone().requires_grad_() for _ in range(2))
    found, wanted = layer(ours, padding), reference(theirs)
    weight = torch.randn(
        found.shape, generator=torch.Generator().manual_seed(2))
    if padding is not None:  # nobody defines the outputs of padding
        weight = weight * ~padding[..., None]
    (found * weight).sum().backward()
    (wanted * weight).sum().backward()
    real = slice(None) if padding is None else ~padding
    assert relative_error(found[real], wanted[real]) < TOLERANCE
    assert relative_error(ours.grad, theirs.grad) < TOLERANCE


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('index', [0, -1])
@pytest.mark.parametrize('name', ['llama', 'grouped_llama'])
def test_llama_without_phase_and_mask(name, index, masked, request, tokens,
                                      padding, tmp_path):
    model = request.getfixturevalue(name)
    layer = build(model, tmp_path, layers=(index, ), final_norm='none')
    padding = padding if masked else None
    compare(layer, lambda x: llama_reference(model, x, index, padding), tokens,
            padding)


@pytest.mark.parametrize('name', ['llama', 'grouped_llama'])
def test_llama_with_rope_and_causal_mask(name, request, tokens, tmp_path):
    model = request.getfixturevalue(name)
    layer = build(
        model, tmp_path, final_norm='none', rope=True, causal=True)
    compare(layer, lambda x: llama_reference(model, x, native=True), tokens,
            None)


def test_two_blocks_and_loaded_norm_are_the_model(llama, tokens, tmp_path):
    """The last two blocks and the final norm, as the model runs them."""
    layer = build(
        llama,
        tmp_path,
        layers=(-2, -1),
        final_norm='loaded',
        rope=True,
        causal=True)

    def reference(x):
        for index in (-2, -1):
            x = llama_reference(llama, x, index, native=True)
        return llama.norm(x)

    compare(layer, reference, tokens, None)


@pytest.mark.parametrize('policy', ['ones', 'loaded'])
def test_final_norm_is_of_weight_one_unless_loaded(llama, tokens, policy,
                                                   tmp_path):
    layer = build(llama, tmp_path, final_norm=policy)
    x = llama_reference(llama, tokens)
    normed = x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
    wanted = normed * llama.norm.weight if policy == 'loaded' else normed
    assert relative_error(layer(tokens), wanted) < TOLERANCE
    assert relative_error(layer(tokens), x) > 0.1


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('index', [0, -1])
def test_bert(bert, index, masked, tokens, padding, tmp_path):
    layer = build(bert, tmp_path, layers=(index, ))
    padding = padding if masked else None
    compare(layer, lambda x: bert_reference(bert, x, index, padding), tokens,
            padding)


KEEPS = [[0], [3, 1], [-1, 0], slice(0, 1), slice(1, None),
         slice(None, None, 2), torch.tensor([2, 2, 5])]


@pytest.mark.parametrize('name, keep, masked, causal', [
    (name, keep, (i + k) % 2 == 1, (i // 2 + k) % 2 == 1)
    for k, name in enumerate(['grouped_llama', 'bert'])
    for i, keep in enumerate(KEEPS)], ids=str)
def test_keep_equals_slicing(name, keep, masked, causal, request, tokens,
                             padding, tmp_path):
    model = request.getfixturevalue(name)
    options = dict(causal=causal, rope=causal and name != 'bert')
    layer = build(model, tmp_path, layers=(0, -1), **options)
    padding = padding if masked else None
    grads = []
    for kept in (True, False):
        layer.zero_grad()
        x = tokens.clone().requires_grad_()
        out = layer(x, padding, keep) if kept else layer(x, padding)[:, keep]
        weight = torch.linspace(-1, 1, out.numel()).view_as(out)
        (out * weight).sum().backward()
        grads.append([out.detach(), x.grad, layer.map_in.weight.grad,
                      layer.map_out.weight.grad])
    for found, wanted in zip(*grads, strict=True):
        assert relative_error(found, wanted) < TOLERANCE


def test_keep_computes_less(llama, tokens, tmp_path):
    """One kept token: query, output map and FFN see one row, not seven."""
    layer = build(llama, tmp_path)
    rows = {}
    for name in ('attn.q', 'attn.k', 'attn.out', 'ffn.up'):
        layer.blocks[0].get_submodule(name).register_forward_hook(
            lambda _, args, __, name=name: rows.update(
                {name: args[0].shape[1]}))
    layer(tokens, keep=slice(0, 1))
    assert rows == {'attn.q': 1, 'attn.k': 7, 'attn.out': 1, 'ffn.up': 1}


def test_padding_is_never_looked_at(llama, tokens, padding, tmp_path):
    layer = build(llama, tmp_path)
    changed = tokens.clone()
    changed[padding] = 100.
    torch.testing.assert_close(
        layer(changed, padding)[~padding],
        layer(tokens, padding)[~padding],
        rtol=0,
        atol=0)
    with pytest.raises(AssertionError):  # without the mask it does matter
        torch.testing.assert_close(layer(changed)[~padding],
                                   layer(tokens)[~padding])


def test_sample_of_nothing_but_padding_stays_finite(llama, tokens, tmp_path):
    layer = build(llama, tmp_path)
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[0] = True
    x = tokens.clone().requires_grad_()
    out = layer(x, padding)
    out.square().sum().backward()
    assert out.isfinite().all() and x.grad.isfinite().all()
    torch.testing.assert_close(out[1], layer(tokens)[1])


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_storage_type_is_kept_and_computed_wide(llama, tokens, dtype,
                                                tmp_path):
    """Weights rounded to 16 bits, arithmetic still in fp32."""
    layer = build(llama, tmp_path, dtype=dtype, final_norm='none')
    kind = getattr(torch, dtype)
    assert {t.dtype for t in layer.frozen_tensors().values()} == {kind}
    reference = FrozenLLMLayer(48, str(tmp_path), final_norm='none')
    for block, other in zip(layer.blocks, reference.blocks, strict=True):
        for name, tensor in other.tensors().items():
            tensor.data.copy_(block.tensors()[name])
    for name in ('map_in', 'map_out'):
        getattr(reference, name).weight.data.copy_(torch.eye(48))
    out = layer(tokens)
    assert out.dtype == torch.float32
    assert relative_error(out, reference(tokens)) < TOLERANCE


def test_bf16_autocast_is_close_to_fp32(llama, tokens, tmp_path):
    """bf16 has 8 bits: 2 % of the largest value is a few roundings."""
    layer = build(llama, tmp_path)
    with torch.autocast('cpu', torch.bfloat16):
        out = layer(tokens)
    assert relative_error(out.float(), layer(tokens)) < 2e-2
