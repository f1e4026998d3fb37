"""LLaMA and models of its design: RMSNorm, gated feed-forward, rotary."""

from dataclasses import replace
from typing import Any

from ...block.geometry import BlockGeometry
from .base import Config, Family, optional, read_activation, require, sizes
from .rope import read_rope
from .transforms import fused_qkv, gate_up_part, stacked_part


def llama_geometry(config: Config) -> BlockGeometry:
    """Geometry from a Hugging Face LLaMA ``config.json``."""
    return BlockGeometry(
        width=config['hidden_size'],
        num_heads=config['num_attention_heads'],
        num_kv_heads=optional(config, 'num_key_value_heads'),
        head_dim=optional(config, 'head_dim'),
        ffn_dim=config['intermediate_size'],
        norm_eps=config.get('rms_norm_eps', 1e-6),
        activation=read_activation(config),
        qkv_bias=config.get('attention_bias', False),
        out_bias=config.get('attention_bias', False),
        ffn_bias=config.get('mlp_bias', False),
        **read_rope(config))


def mistral_geometry(config: Config) -> BlockGeometry:
    """Geometry of Mistral, and of Phi-3: never a bias."""
    require(config, attention_bias=False, mlp_bias=False)
    return llama_geometry(config)


def qwen2_geometry(config: Config) -> BlockGeometry:
    """Geometry of Qwen2: biases of query, key and value alone."""
    return replace(llama_geometry(config), qkv_bias=True, out_bias=False)


def qwen3_geometry(config: Config) -> BlockGeometry:
    """Geometry of Qwen3: norms of query and key."""
    return replace(llama_geometry(config), qk_norm=True)


def gemma_geometry(config: Config) -> BlockGeometry:
    """Geometry of Gemma 1.

    Its first files say ``gelu`` where the tanh form was trained.
    """
    given = config['hidden_act']
    name = 'gelu_pytorch_tanh' if given == 'gelu' else given
    return replace(llama_geometry({**config, 'hidden_act': name}),
                   norm_offset=1.0)


def gemma2_geometry(config: Config) -> BlockGeometry:
    """Geometry of Gemma 2."""
    return _sandwich(config, softcap=config.get('attn_logit_softcapping'))


def gemma3_geometry(config: Config) -> BlockGeometry:
    """Geometry of Gemma 3 without the phase, which differs by layer."""
    require(config, attn_logit_softcapping=None)
    return _sandwich(config, qk_norm=True, rope_theta=None, rope_factor=1.0)


def _sandwich(config: Config, **changes: Any) -> BlockGeometry:
    return replace(
        llama_geometry({**config, 'hidden_act': config['hidden_activation']}),
        placement='sandwich',
        norm_offset=1.0,
        attention_scale=config['query_pre_attn_scalar']**-0.5,
        **changes)


def gemma3_refine(geometry: BlockGeometry, config: Config,
                  layer: int) -> BlockGeometry:
    """Give a layer of Gemma 3 its phase, whose base depends on the layer.

    Unless ``layer_types`` lists them, every sixth layer has global attention
    and the others a sliding window. Only the phase of global layers is
    rescaled. Newer files describe the two phases separately.
    """
    every = config.get('sliding_window_pattern', 6)
    kinds = config.get('layer_types')
    far = (layer + 1) % every == 0
    kind = kinds[layer] if kinds else ('sliding', 'full')[far] + '_attention'
    near = kind == 'sliding_attention'
    apart = (config.get('rope_parameters') or {}).get(kind)
    rope = dict(
        rope_parameters=apart,
        rope_scaling=None if near or apart else config.get('rope_scaling'),
        rope_theta=config.get('rope_local_base_freq', 1e4)
        if near else config.get('rope_theta', 1e6))
    return replace(geometry, **read_rope({**config, **rope}))


LLAMA = Family(
    name='llama',
    config_file='config.json',
    model_types=('llama', ),
    num_layers_key='num_hidden_layers',
    geometry=llama_geometry,
    prefixes=('model.layers.{i}.', 'layers.{i}.'),
    modules={
        'attn.q': 'self_attn.q_proj',
        'attn.k': 'self_attn.k_proj',
        'attn.v': 'self_attn.v_proj',
        'attn.out': 'self_attn.o_proj',
        'ffn.gate': 'mlp.gate_proj',
        'ffn.up': 'mlp.up_proj',
        'ffn.down': 'mlp.down_proj',
        'attn_norm': 'input_layernorm',
        'ffn_norm': 'post_attention_layernorm',
    },
    final_norm=('model.norm', 'norm'),
    # A constant table that old files carry; the phase is computed here.
    unused=('self_attn.rotary_emb.inv_freq', ),
    defaults=dict(hidden_act='silu', rms_norm_eps=1e-6,
                  max_position_embeddings=2048),
    sizes=sizes(4096, 11008, 32, 32),
    note='1 to 3.x, and Vicuna; `rope=True` knows the phase of 3.1')

MISTRAL = replace(
    LLAMA,
    name='mistral',
    model_types=('mistral', ),
    geometry=mistral_geometry,
    defaults=dict(LLAMA.defaults, num_key_value_heads=8,
                  max_position_embeddings=131072),
    sizes=sizes(4096, 14336, 32, 32),
    note='grouped key heads')

QWEN2 = replace(
    LLAMA,
    name='qwen2',
    model_types=('qwen2', ),
    geometry=qwen2_geometry,
    defaults=dict(LLAMA.defaults, max_position_embeddings=32768),
    sizes=sizes(4096, 22016, 32, 32),
    note='2 and 2.5; biases of query, key and value')

QWEN2_VL = replace(
    QWEN2,
    name='qwen2_vl',
    model_types=('qwen2_vl_text', 'qwen2_5_vl_text'),
    defaults=dict(QWEN2.defaults, rms_norm_eps=1e-5, rope_theta=1e6,
                  num_key_value_heads=8),
    sizes=sizes(8192, 29568, 80, 64),
    note='Qwen2 inside Qwen2-VL and 2.5-VL; positions are those of a text')

QK_NORMS = {
    'attn.q_norm': 'self_attn.q_norm',
    'attn.k_norm': 'self_attn.k_norm',
}

QWEN3 = replace(
    QWEN2,
    name='qwen3',
    model_types=('qwen3', ),
    geometry=qwen3_geometry,
    modules={**LLAMA.modules, **QK_NORMS},
    defaults=dict(QWEN2.defaults, head_dim=128, num_key_value_heads=32),
    note='norms of query and key, head by head')

QWEN3_VL = replace(
    QWEN3,
    name='qwen3_vl',
    model_types=('qwen3_vl_text', ),
    defaults=dict(QWEN3.defaults, rope_theta=5e5,
                  max_position_embeddings=128000),
    note='Qwen3 inside Qwen3-VL; positions are those of a text')

GEMMA = replace(
    QWEN2,
    name='gemma',
    model_types=('gemma', ),
    geometry=gemma_geometry,
    defaults=dict(
        hidden_act='gelu_pytorch_tanh',
        rms_norm_eps=1e-6,
        head_dim=256,
        num_key_value_heads=16,
        max_position_embeddings=8192),
    sizes=sizes(3072, 24576, 28, 16),
    note='norm weights stored as their distance from one')

GEMMA2 = replace(
    GEMMA,
    name='gemma2',
    model_types=('gemma2', ),
    geometry=gemma2_geometry,
    modules={
        **LLAMA.modules,
        'attn_post_norm': 'post_attention_layernorm',
        'ffn_norm': 'pre_feedforward_layernorm',
        'ffn_post_norm': 'post_feedforward_layernorm',
    },
    defaults=dict(
        hidden_activation='gelu_pytorch_tanh',
        rms_norm_eps=1e-6,
        head_dim=256,
        num_key_value_heads=4,
        query_pre_attn_scalar=256,
        attn_logit_softcapping=50.0,
        max_position_embeddings=8192),
    sizes=sizes(2304, 9216, 26, 8),
    note='bounded scores, hence no fused attention')

GEMMA3 = replace(
    GEMMA2,
    name='gemma3',
    model_types=('gemma3_text', ),
    geometry=gemma3_geometry,
    refine=gemma3_refine,
    modules={**GEMMA2.modules, **QK_NORMS},
    defaults=dict(GEMMA2.defaults, attn_logit_softcapping=None,
                  max_position_embeddings=131072),
    note='norms of query and key; near and far layers differ in their '
    'phase, which `rope=True` takes from the chosen layer')

PHI3 = replace(
    QWEN2,
    name='phi3',
    model_types=('phi3', ),
    geometry=mistral_geometry,
    defaults=dict(LLAMA.defaults, rms_norm_eps=1e-5,
                  max_position_embeddings=4096),
    sizes=sizes(3072, 8192, 32, 32),
    modules={
        **LLAMA.modules,
        'attn.q': 'self_attn.qkv_proj',
        'attn.k': 'self_attn.qkv_proj',
        'attn.v': 'self_attn.qkv_proj',
        'ffn.gate': 'mlp.gate_up_proj',
        'ffn.up': 'mlp.gate_up_proj',
    },
    transforms={
        **fused_qkv(stacked_part),
        'ffn.gate.weight':
        lambda tensor, geometry: gate_up_part(tensor, geometry, 'gate'),
        'ffn.up.weight':
        lambda tensor, geometry: gate_up_part(tensor, geometry, 'up'),
    },
    note='3, 3.5 and 4; fused tensors are split; the long-context phase '
    '(`longrope`) is not computed')
