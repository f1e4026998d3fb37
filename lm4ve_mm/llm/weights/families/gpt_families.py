"""Decoders with LayerNorm and a plain feed-forward part."""

from dataclasses import replace
from typing import Any

from ...block.geometry import BlockGeometry
from .base import Config, Family, read_activation, require, sizes
from .rope import read_rope
from .transforms import (
    fused_qkv,
    grouped_part,
    stacked_part,
    transposed,
    transposed_stacked_part,
)


def plain_geometry(config: Config, activation: str, bias: bool = True,
                   **changes: Any) -> BlockGeometry:
    """What these families have in common."""
    values = dict(
        width=config['hidden_size'],
        num_heads=config['num_attention_heads'],
        norm='layer',
        norm_eps=1e-5,
        activation=activation,
        gated=False,
        qkv_bias=bias,
        out_bias=bias,
        ffn_bias=bias)
    return BlockGeometry(**{**values, **changes})


def opt_geometry(config: Config) -> BlockGeometry:
    """Geometry of OPT; its 350M model norms after each part."""
    require(config, layer_norm_elementwise_affine=True)
    before = config.get('do_layer_norm_before', True)
    removed = config.get('_remove_final_layer_norm', False)
    return plain_geometry(
        config,
        read_activation(config, 'activation_function'),
        config.get('enable_bias', True),
        ffn_dim=config['ffn_dim'],
        placement='pre' if before else 'post',
        final_norm=before and not removed)


def gpt2_geometry(config: Config) -> BlockGeometry:
    """Geometry of GPT-2."""
    scaled = config.get('scale_attn_weights', True)
    return plain_geometry(
        config,
        read_activation(config, 'activation_function'),
        ffn_dim=config.get('n_inner') or 4 * config['hidden_size'],
        norm_eps=config['layer_norm_epsilon'],
        attention_scale=None if scaled else 1.0)


def gpt2_refine(geometry: BlockGeometry, config: Config,
                layer: int) -> BlockGeometry:
    """Divide the scores by the layer's number, where so configured."""
    if not config.get('scale_attn_by_inverse_layer_idx', False):
        return geometry
    return replace(
        geometry, attention_scale=geometry.score_scale / (layer + 1))


def gpt_neox_geometry(config: Config) -> BlockGeometry:
    """Geometry of GPT-NeoX and Pythia."""
    attention_bias = config.get('attention_bias', True)
    return plain_geometry(
        config,
        read_activation(config),
        ffn_dim=config['intermediate_size'],
        norm_eps=config['layer_norm_eps'],
        qkv_bias=attention_bias,
        out_bias=attention_bias,
        parallel=config.get('use_parallel_residual', True),
        **read_rope(config, share=0.25))


def phi_geometry(config: Config) -> BlockGeometry:
    """Geometry of Phi-1 to Phi-2."""
    return plain_geometry(
        config,
        read_activation(config),
        ffn_dim=config['intermediate_size'],
        num_kv_heads=config.get('num_key_value_heads'),
        norm_eps=config['layer_norm_eps'],
        qk_norm=config.get('qk_layernorm', False),
        parallel=True,
        shared_norm=True,
        **read_rope(config, share=0.5))


def falcon_geometry(config: Config) -> BlockGeometry:
    """Geometry of Falcon, in its three generations.

    RW: serial, one key head per query head. 7B: parallel with one norm, one
    key head. 40B and later: parallel, grouped key heads, two norms (one in
    the 11B model).
    """
    grouped = config.get('new_decoder_architecture', False)
    parallel = grouped or config.get('parallel_attn', True)
    if grouped or not config.get('multi_query', True):
        kv_heads = config.get('num_kv_heads')
    else:
        kv_heads = 1
    norms = (config.get('num_ln_in_parallel_attn') or 2) if grouped else 1
    return plain_geometry(
        config,
        read_activation(config, 'activation'),
        config.get('bias', False),
        ffn_dim=config.get('ffn_hidden_size') or 4 * config['hidden_size'],
        num_kv_heads=kv_heads,
        norm_eps=config['layer_norm_epsilon'],
        parallel=parallel,
        shared_norm=parallel and norms == 1,
        **({} if config.get('alibi', False) else read_rope(config)))


def bloom_geometry(config: Config) -> BlockGeometry:
    """Geometry of BLOOM, whose activation is the tanh form of GELU."""
    require(config, apply_residual_connection_post_layernorm=False)
    return plain_geometry(
        config,
        'gelu_tanh',
        ffn_dim=4 * config['hidden_size'],
        norm_eps=config['layer_norm_epsilon'])


OPT = Family(
    name='opt',
    config_file='config.json',
    model_types=('opt', ),
    num_layers_key='num_hidden_layers',
    geometry=opt_geometry,
    prefixes=('model.decoder.layers.{i}.', 'decoder.layers.{i}.'),
    modules={
        'attn.q': 'self_attn.q_proj',
        'attn.k': 'self_attn.k_proj',
        'attn.v': 'self_attn.v_proj',
        'attn.out': 'self_attn.out_proj',
        'ffn.up': 'fc1',
        'ffn.down': 'fc2',
        'attn_norm': 'self_attn_layer_norm',
        # A norm of each layer, in spite of its name.
        'ffn_norm': 'final_layer_norm',
    },
    final_norm=('model.decoder.final_layer_norm',
                'decoder.final_layer_norm'),
    defaults=dict(activation_function='relu', ffn_dim=3072),
    sizes=dict(
        hidden_size=768, num_hidden_layers=12, num_attention_heads=12),
    note='the 350M model norms after each part and has no final norm')

GPT2 = Family(
    name='gpt2',
    config_file='config.json',
    model_types=('gpt2', ),
    num_layers_key='num_hidden_layers',
    geometry=gpt2_geometry,
    refine=gpt2_refine,
    prefixes=('h.{i}.', 'transformer.h.{i}.'),
    modules={
        'attn.q': 'attn.c_attn',
        'attn.k': 'attn.c_attn',
        'attn.v': 'attn.c_attn',
        'attn.out': 'attn.c_proj',
        'ffn.up': 'mlp.c_fc',
        'ffn.down': 'mlp.c_proj',
        'attn_norm': 'ln_1',
        'ffn_norm': 'ln_2',
    },
    final_norm=('ln_f', 'transformer.ln_f'),
    defaults=dict(
        activation_function='gelu_new', layer_norm_epsilon=1e-5),
    # The causal mask, which old files carry.
    unused=('attn.bias', 'attn.masked_bias'),
    transforms={
        **fused_qkv(transposed_stacked_part, stacked_part),
        'attn.out.weight': transposed,
        'ffn.up.weight': transposed,
        'ffn.down.weight': transposed,
    },
    renames=dict(
        n_embd='hidden_size', n_head='num_attention_heads',
        n_layer='num_hidden_layers'),
    note='weights stored transposed, queries, keys and values fused')

GPT_NEOX = Family(
    name='gpt_neox',
    config_file='config.json',
    model_types=('gpt_neox', ),
    num_layers_key='num_hidden_layers',
    geometry=gpt_neox_geometry,
    prefixes=('gpt_neox.layers.{i}.', 'layers.{i}.'),
    modules={
        'attn.q': 'attention.query_key_value',
        'attn.k': 'attention.query_key_value',
        'attn.v': 'attention.query_key_value',
        'attn.out': 'attention.dense',
        'ffn.up': 'mlp.dense_h_to_4h',
        'ffn.down': 'mlp.dense_4h_to_h',
        'attn_norm': 'input_layernorm',
        'ffn_norm': 'post_attention_layernorm',
    },
    final_norm=('gpt_neox.final_layer_norm', 'final_layer_norm'),
    defaults=dict(hidden_act='gelu', layer_norm_eps=1e-5,
                  max_position_embeddings=2048),
    # Causal mask and constant table of old files.
    unused=('attention.bias', 'attention.masked_bias',
            'attention.rotary_emb.inv_freq'),
    transforms=fused_qkv(grouped_part),
    renames=dict(
        rotary_emb_base='rope_theta', rotary_pct='partial_rotary_factor'),
    note='NeoX and Pythia; attention and feed-forward side by side, unless '
    'the file says otherwise')

PHI = Family(
    name='phi',
    config_file='config.json',
    model_types=('phi', ),
    num_layers_key='num_hidden_layers',
    geometry=phi_geometry,
    prefixes=('model.layers.{i}.', 'layers.{i}.'),
    modules={
        'attn.q': 'self_attn.q_proj',
        'attn.k': 'self_attn.k_proj',
        'attn.v': 'self_attn.v_proj',
        'attn.out': 'self_attn.dense',
        'attn.q_norm': 'self_attn.q_layernorm',
        'attn.k_norm': 'self_attn.k_layernorm',
        'ffn.up': 'mlp.fc1',
        'ffn.down': 'mlp.fc2',
        'attn_norm': 'input_layernorm',
    },
    final_norm=('model.final_layernorm', 'final_layernorm'),
    defaults=dict(hidden_act='gelu_new', layer_norm_eps=1e-5,
                  max_position_embeddings=2048),
    sizes=sizes(2048, 8192, 24, 32),
    unused=('self_attn.rotary_emb.inv_freq', ),
    note='1, 1.5 and 2; attention and feed-forward side by side, after one '
    'norm')

FALCON = Family(
    name='falcon',
    config_file='config.json',
    model_types=('falcon', ),
    num_layers_key='num_hidden_layers',
    geometry=falcon_geometry,
    prefixes=('transformer.h.{i}.', 'h.{i}.'),
    modules={
        'attn.q': 'self_attention.query_key_value',
        'attn.k': 'self_attention.query_key_value',
        'attn.v': 'self_attention.query_key_value',
        'attn.out': 'self_attention.dense',
        'ffn.up': 'mlp.dense_h_to_4h',
        'ffn.down': 'mlp.dense_4h_to_h',
        'attn_norm': ('ln_attn', 'input_layernorm'),
        'ffn_norm': ('ln_mlp', 'post_attention_layernorm'),
    },
    final_norm=('transformer.ln_f', 'ln_f'),
    defaults=dict(activation='gelu', layer_norm_epsilon=1e-5,
                  max_position_embeddings=2048),
    unused=('self_attention.rotary_emb.inv_freq', ),
    transforms=fused_qkv(grouped_part),
    renames=dict(
        n_embed='hidden_size', n_head='num_attention_heads',
        n_layer='num_hidden_layers'),
    note='RW, 7B, 40B, 180B and 11B; side by side but for RW, whose alibi '
    'has no `rope=True`')

BLOOM = replace(
    FALCON,
    name='bloom',
    model_types=('bloom', ),
    geometry=bloom_geometry,
    defaults=dict(layer_norm_epsilon=1e-5),
    modules={
        **FALCON.modules,
        'attn_norm': 'input_layernorm',
        'ffn_norm': 'post_attention_layernorm',
    },
    unused=(),
    note='positions by alibi, which is not computed: no `rope=True`')
