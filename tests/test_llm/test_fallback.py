"""Families without an entry: computed by transformers' own layer."""

import copy
import json
import logging
import pickle

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from lm4ve_mm.llm import BlockMismatchError, CheckpointError, FrozenLLMLayer
from lm4ve_mm.llm.weights.extract import extract_blocks
from lm4ve_mm.llm.weights.families import FAMILIES, find_family
from lm4ve_mm.llm.weights.families.fallback import _say

from .conftest import randomise
from .family_cases import COMMON, NUM_TOKENS, WIDTH, errors
from .test_parity import TOLERANCE, build, relative_error

MOE = dict(num_key_value_heads=2, num_experts=4, num_experts_per_tok=2)
LATENT = dict(
    num_key_value_heads=4, kv_lora_rank=16, q_lora_rank=None,
    qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=12, head_dim=8,
    n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=24,
    n_shared_experts=1, first_k_dense_replace=1, n_group=1, topk_group=1)
CASES = dict(
    mixtral=('MixtralModel', dict(
        num_key_value_heads=2, num_local_experts=4)),
    olmoe=('OlmoeModel', MOE),
    deepseek=('DeepseekV2Model', LATENT),
    persimmon=('PersimmonModel', {}),
    olmo=('OlmoModel', {}),
    olmo2=('Olmo2Model', {}),
    cohere=('CohereModel', {}),
    granite=('GraniteModel', dict(residual_multiplier=0.22)))


def make(name):
    kind, changes = CASES[name]
    config = getattr(transformers, kind.replace('Model', 'Config'))
    return randomise(getattr(transformers, kind)(
        config(**{**COMMON, **changes})))


@pytest.fixture(scope='module', params=CASES)
def model(request):
    return make(request.param)


@pytest.fixture(scope='module')
def olmoe():
    return make('olmoe')


@pytest.fixture()
def tokens():
    return torch.randn(2, NUM_TOKENS, WIDTH,
                       generator=torch.Generator().manual_seed(1))


def reference(model, x, index=-1, allowed=None):
    """transformers' own layer, its positions neutral."""
    positions = torch.zeros(1, x.shape[1], dtype=torch.long)
    mask = None
    if allowed is not None:
        mask = torch.zeros(allowed.shape).masked_fill(
            ~allowed, torch.finfo(torch.float32).min)
    out = model.layers[index](
        x, attention_mask=mask, position_ids=positions,
        position_embeddings=model.rotary_emb(x, positions))
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.parametrize('index', [0, -1])
def test_it_equals_the_layer_of_transformers(model, index, tokens, tmp_path):
    layer = build(model, tmp_path, layers=(index, ), final_norm='none')
    assert layer.identity.family == 'transformers'
    found = errors(layer, lambda x: reference(model, x, index), tokens)
    assert max(found) < TOLERANCE


def test_masks_and_keep(model, tokens, tmp_path):
    layer = build(model, tmp_path, final_norm='none', causal=True)
    padding = torch.zeros(2, NUM_TOKENS, dtype=torch.bool)
    padding[1, 5:] = True
    allowed = (torch.ones(NUM_TOKENS, NUM_TOKENS, dtype=torch.bool).tril()
               & ~padding[:, None, None])
    wanted = reference(model, tokens, allowed=allowed)
    assert relative_error(layer(tokens, padding), wanted) < TOLERANCE
    kept = layer(tokens, padding, [3, 1])
    assert relative_error(kept, wanted[:, [3, 1]]) < TOLERANCE


def test_final_norm(model, tokens, tmp_path):
    loaded = build(model, tmp_path, final_norm='loaded')
    norm = getattr(model, 'norm', getattr(model, 'final_layernorm', None))
    wanted = norm(reference(model, tokens))
    assert relative_error(loaded(tokens), wanted) < TOLERANCE
    ones = build(model, tmp_path, final_norm='ones')
    norm = copy.deepcopy(norm)
    for name, parameter in norm.named_parameters():
        parameter.data.fill_(name == 'weight')
    wanted = norm(reference(model, tokens))
    assert relative_error(ones(tokens), wanted) < TOLERANCE


def test_block_file_gives_the_same_block(model, tokens, tmp_path):
    layer = build(model, tmp_path / 'hf', final_norm='loaded')
    path = tmp_path / 'block.safetensors'
    extract_blocks(str(tmp_path / 'hf'), path)
    other = FrozenLLMLayer(WIDTH, str(path), final_norm='loaded')
    assert other.identity.sha256 == layer.identity.sha256
    assert other.geometry == layer.geometry
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(tokens), layer(tokens))
    values = sum(p.numel() for p in model.layers[-1].parameters())
    assert other.geometry.num_parameters() == values


def test_only_the_maps_are_trained_and_saved(olmoe, tokens, tmp_path):
    layer = build(olmoe, tmp_path)
    assert {n for n, _ in layer.named_parameters()} == {
        'map_in.weight', 'map_out.weight'}
    assert not [n for n in layer.state_dict() if n.startswith('blocks')]
    assert not [m for m in layer.blocks.modules()
                if isinstance(m, torch.nn.Linear)]
    before = layer(tokens)
    twin = copy.deepcopy(layer)
    for ours, theirs in zip(layer.blocks.buffers(), twin.blocks.buffers(),
                            strict=True):
        assert ours.data_ptr() == theirs.data_ptr()
    for other in (twin, pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(tokens), before)
        other.check_digest()
    layer.train()
    assert torch.equal(layer(tokens), before)  # no dropout of its own
    next(layer.blocks.buffers()).add_(1)
    with pytest.raises(BlockMismatchError, match='have changed'):
        layer.check_digest()


def test_trainable(olmoe, tokens, tmp_path):
    layer = build(olmoe, tmp_path, trainable=True)
    layer(tokens).square().mean().backward()
    grads = {n: p.grad for n, p in layer.blocks.named_parameters()}
    assert grads.keys() == {f'0.{n}' for n, _ in
                            olmoe.layers[-1].named_parameters()}
    assert all(g is not None and g.abs().sum() > 0 for g in grads.values())


def test_inside_a_multimodal_checkpoint(olmoe, tokens, tmp_path):
    layer = build(olmoe, tmp_path, final_norm='loaded')
    path = tmp_path / 'model.safetensors'
    tensors = load_file(path)
    save_file({f'language_model.model.{n}': t for n, t in tensors.items()},
              path, metadata=dict(format='pt'))
    path = tmp_path / 'config.json'
    path.write_text(json.dumps(dict(
        model_type='fancy_vl', text_config=json.loads(path.read_text()))))
    other = FrozenLLMLayer(WIDTH, str(tmp_path), final_norm='loaded')
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(tokens), layer(tokens))


def test_types_and_compilation(tokens, tmp_path):
    layer = build(make('olmo2'), tmp_path, dtype='bfloat16', with_cp=True)
    assert layer.identity.dtype == 'bfloat16'
    wanted = layer(tokens)
    assert wanted.dtype == torch.float32
    assert layer.double()(tokens.double()).dtype == torch.float64
    compiled = torch.compile(layer.float(), backend='eager')
    assert relative_error(compiled(tokens), wanted) < TOLERANCE


def test_gpt_bigcode(tokens, tmp_path):
    """One key head for all queries, fused; no position in its layers."""
    model = randomise(transformers.GPTBigCodeModel(
        transformers.GPTBigCodeConfig(**COMMON)))
    layer = build(model, tmp_path, final_norm='none')

    def wanted(x):
        out = model.h[-1](x, attention_mask=None)
        return out[0] if isinstance(out, tuple) else out

    assert max(errors(layer, wanted, tokens)) < TOLERANCE


def test_another_configuration_is_another_function(olmoe, tokens, tmp_path):
    layer = build(olmoe, tmp_path)
    path = tmp_path / 'config.json'
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, 'num_experts_per_tok': 1}))
    other = FrozenLLMLayer(WIDTH, str(tmp_path))
    assert other.identity.sha256 == layer.identity.sha256
    with pytest.raises(BlockMismatchError, match='num_experts_per_tok'):
        other.load_state_dict(layer.state_dict())


@pytest.mark.parametrize('change, message', [
    (lambda t: t.pop('layers.2.mlp.gate.weight'), 'missing'),
    (lambda t: t.update({'layers.2.extra.weight': torch.ones(3)}),
     'left over.*extra'),
    (lambda t: t.update({'layers.2.mlp.gate.weight': torch.ones(3, 3)}),
     'shape'),
    (lambda t: t.pop('layers.2.mlp.experts.1.up_proj.weight'), 'experts'),
], ids=['missing', 'left over', 'shape', 'expert'])
def test_it_is_read_strictly(olmoe, change, message, tmp_path):
    olmoe.save_pretrained(tmp_path)
    path = tmp_path / 'model.safetensors'
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata=dict(format='pt'))
    with pytest.raises(CheckpointError, match=message):
        FrozenLLMLayer(WIDTH, str(tmp_path))


@pytest.mark.parametrize('options, message', [
    (dict(shortcut='fold'), "use 'auto' or 'off'"),
    (dict(attention=False), 'family of our table'),
    (dict(rope=True), 'set rope=False'),
    (dict(lora=dict(rank=2, targets=['attn.q'])), 'unknown'),
    (dict(layers=(0, 1)), 'a single layer'),
    (dict(init='random'), 'not known'),
], ids=str)
def test_what_it_cannot_do_is_refused(olmoe, options, message, tmp_path):
    with pytest.raises((ValueError, CheckpointError), match=message):
        build(olmoe, tmp_path, **options)


@pytest.mark.parametrize('kind, changes, message', [
    ('Mamba', dict(state_size=4), 'looks backwards alone'),
    ('Mpt', dict(d_model=WIDTH, n_heads=4, n_layers=3), 'position_bias'),
    ('T5', dict(d_model=WIDTH, d_kv=12, d_ff=96, num_layers=3),
     'encoder with a decoder'),
    ('Albert', dict(embedding_size=WIDTH), 'no list of layers'),
])
def test_models_that_are_refused(kind, changes, message, tmp_path):
    config = getattr(transformers, f'{kind}Config')(
        **{**COMMON, **changes})
    getattr(transformers, f'{kind}Model')(config).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        FrozenLLMLayer(WIDTH, str(tmp_path))


def test_it_is_said_once(olmoe, tmp_path, caplog):
    _say.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            build(olmoe, tmp_path)
    said = [r for r in caplog.records if 'no entry in our table' in r.message]
    assert len(said) == 1 and "'olmoe'" in said[0].message


def test_a_family_of_the_table_never_falls_back():
    for family in FAMILIES:
        for kind in family.model_types:
            config = dict(model_type=kind, hidden_size=48)
            assert find_family(config, 'config.json') is family
