"""LLaMA and what follows its plan: RMSNorm, gated feed-forward, rotary."""

from dataclasses import replace

from ...block.geometry import BlockGeometry
from .base import Config, Family, read_activation, read_rope, require
from .transforms import (fused_qkv, gate_up_part, interleaved_to_halves,
                         stacked_part)


def llama_geometry(config: Config) -> BlockGeometry:
    """Geometry from a Hugging Face LLaMA ``config.json``."""
    return BlockGeometry(
        width=config['hidden_size'],
        num_heads=config['num_attention_heads'],
        num_kv_heads=config.get('num_key_value_heads'),
        head_dim=config.get('head_dim'),
        ffn_dim=config['intermediate_size'],
        norm_eps=config.get('rms_norm_eps', 1e-6),
        activation=read_activation(config),
        qkv_bias=config.get('attention_bias', False),
        out_bias=config.get('attention_bias', False),
        ffn_bias=config.get('mlp_bias', False),
        **read_rope(config))


def llama_meta_geometry(params: Config) -> BlockGeometry:
    """Geometry from Meta's ``params.json``.

    The hidden width is two thirds of four times the width, times an optional
    factor, rounded up to a multiple of ``multiple_of``: 11008 for 4096.
    """
    width = params['dim']
    hidden = int(8 * width / 3)
    if params.get('ffn_dim_multiplier') is not None:
        hidden = int(params['ffn_dim_multiplier'] * hidden)
    step = params['multiple_of']
    # The file does not say by how much: 8 in LLaMA 3.1, 32 in 3.2.
    scaled = params.get('use_scaled_rope', False)
    return BlockGeometry(
        width=width,
        num_heads=params['n_heads'],
        num_kv_heads=params.get('n_kv_heads'),
        ffn_dim=step * ((hidden + step - 1) // step),
        norm_eps=params['norm_eps'],
        rope_theta=None if scaled else params.get('rope_theta', 10000.0))


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
    given = config.get('hidden_act', 'gelu')
    name = 'gelu_pytorch_tanh' if given == 'gelu' else given
    return replace(llama_geometry({**config, 'hidden_act': name}),
                   norm_offset=1.0)


def gemma2_geometry(config: Config) -> BlockGeometry:
    """Geometry of Gemma 2."""
    return _sandwich(config, softcap=config.get('attn_logit_softcapping',
                                                50.0))


def gemma3_geometry(config: Config) -> BlockGeometry:
    """Geometry of Gemma 3, but for the phase, which layers differ in."""
    require(config, attn_logit_softcapping=None)
    return _sandwich(config, qk_norm=True, rope_theta=None, rope_factor=1.0)


def _sandwich(config: Config, **changes) -> BlockGeometry:
    activation = config.get('hidden_activation', 'gelu_pytorch_tanh')
    return replace(
        llama_geometry({**config, 'hidden_act': activation}),
        placement='sandwich',
        norm_offset=1.0,
        attention_scale=config.get('query_pre_attn_scalar', 256)**-0.5,
        **changes)


def gemma3_refine(geometry: BlockGeometry, config: Config,
                  layer: int) -> BlockGeometry:
    """Give a layer of Gemma 3 its phase: another base where it looks near.

    Unless ``layer_types`` tells them, every sixth layer looks far. Only
    those are rescaled. Newer files describe both phases apart.
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
    nested_defaults=dict(
        hidden_size=4096,
        intermediate_size=11008,
        num_hidden_layers=32,
        num_attention_heads=32,
        hidden_act='silu'),
    note='1 to 3.x, and Vicuna; `rope=True` knows the phase of 3.1')

LLAMA_META = Family(
    name='llama',
    config_file='params.json',
    model_types=(),
    num_layers_key='n_layers',
    geometry=llama_meta_geometry,
    prefixes=('layers.{i}.', ),
    modules={
        'attn.q': 'attention.wq',
        'attn.k': 'attention.wk',
        'attn.v': 'attention.wv',
        'attn.out': 'attention.wo',
        'ffn.gate': 'feed_forward.w1',
        'ffn.up': 'feed_forward.w3',
        'ffn.down': 'feed_forward.w2',
        'attn_norm': 'attention_norm',
        'ffn_norm': 'ffn_norm',
    },
    final_norm=('norm', ),
    unused=('attention.inner_attention.rope.freqs', ),
    shard_dims={
        'attn.q': 0,
        'attn.k': 0,
        'attn.v': 0,
        'attn.out': 1,
        'ffn.gate': 0,
        'ffn.up': 0,
        'ffn.down': 1,
    },
    transforms={
        'attn.q.weight': interleaved_to_halves,
        'attn.k.weight': interleaved_to_halves,
    },
    note="Meta's own files, any number of shards; the phase of 3.1 and "
    'later is not told there')

MISTRAL = replace(
    LLAMA,
    name='mistral',
    model_types=('mistral', ),
    geometry=mistral_geometry,
    nested_defaults=dict(
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        hidden_act='silu'),
    note='grouped key heads')

QWEN2 = replace(
    LLAMA,
    name='qwen2',
    model_types=('qwen2', ),
    geometry=qwen2_geometry,
    nested_defaults={},
    note='2 and 2.5; biases of query, key and value')

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
    note='norms of query and key, head by head')

GEMMA = replace(
    QWEN2,
    name='gemma',
    model_types=('gemma', ),
    geometry=gemma_geometry,
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
    note='bounded scores, hence no fused attention')

GEMMA3 = replace(
    GEMMA2,
    name='gemma3',
    model_types=('gemma3_text', ),
    geometry=gemma3_geometry,
    refine=gemma3_refine,
    modules={**GEMMA2.modules, **QK_NORMS},
    nested_defaults=dict(
        hidden_size=2304,
        intermediate_size=9216,
        num_hidden_layers=26,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=256),
    note='norms of query and key; near and far layers differ in their '
    'phase, which `rope=True` takes from the chosen layer')

PHI3 = replace(
    QWEN2,
    name='phi3',
    model_types=('phi3', ),
    geometry=mistral_geometry,
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
