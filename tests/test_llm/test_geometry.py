"""Geometry rules with known answers."""

import pytest

from lm4ve_mm.llm import BlockGeometry
from lm4ve_mm.llm.weights.families import (
    bert_geometry,
    llama_geometry,
    llama_meta_geometry,
)

LLAMA_7B = dict(
    dim=4096,
    multiple_of=256,
    n_heads=32,
    n_layers=32,
    norm_eps=1e-06,
    vocab_size=-1)
# Published values of LLaMA-3 8B.
LLAMA3_8B = dict(
    dim=4096,
    n_layers=32,
    n_heads=32,
    n_kv_heads=8,
    vocab_size=128256,
    multiple_of=1024,
    ffn_dim_multiplier=1.3,
    norm_eps=1e-05,
    rope_theta=500000.0)


def test_llama_7b_block_has_202_million_parameters():
    geometry = llama_meta_geometry(LLAMA_7B)
    assert (geometry.ffn_dim, geometry.head_dim) == (11008, 128)
    assert geometry.num_parameters() == 202_383_360


def test_llama3_8b_rules():
    geometry = llama_meta_geometry(LLAMA3_8B)
    assert (geometry.ffn_dim, geometry.num_kv_heads) == (14336, 8)
    assert geometry.tensor_shapes()['attn.k.weight'] == (1024, 4096)
    assert geometry.rope_theta == 500000.0


def test_rescaled_phase_is_not_called_plain():
    values = dict(
        hidden_size=64,
        num_attention_heads=4,
        intermediate_size=128,
        hidden_act='silu')
    plain = llama_geometry(values)
    scaled = llama_geometry({
        **values, 'rope_scaling':
        dict(rope_type='llama3', factor=8.0)
    })
    assert (plain.rope_theta, scaled.rope_theta) == (10000.0, None)


def test_minilm_block_parameters():
    geometry = bert_geometry(
        dict(
            hidden_size=384,
            num_attention_heads=12,
            intermediate_size=1536,
            hidden_act='gelu',
            layer_norm_eps=1e-12))
    # 4 maps of 384x384, 2 of 384x1536, their biases, two LayerNorms.
    assert geometry.num_parameters() == (4 * 384 * 384 + 2 * 384 * 1536 +
                                         5 * 384 + 1536 + 4 * 384)


@pytest.mark.parametrize('changes, message', [
    (dict(num_heads=5), 'give head_dim'),
    (dict(num_kv_heads=3), 'multiple of num_kv_heads=3'),
    (dict(norm='batch'), "norm='batch' is unknown; known: rms, layer"),
    (dict(width_of_it=1), 'width_of_it'),
])
def test_bad_values_are_named(changes, message):
    values = dict(width=64, num_heads=4, ffn_dim=128, **changes) \
        if 'num_heads' not in changes else \
        dict(width=64, ffn_dim=128, **changes)
    with pytest.raises(ValueError, match=message):
        BlockGeometry.from_dict(values)


def test_dict_round_trip():
    geometry = llama_meta_geometry(LLAMA3_8B)
    assert BlockGeometry.from_dict(geometry.to_dict()) == geometry
