"""EleutherAI's first decoders, and those built after them."""

from dataclasses import replace
from functools import partial

from torch import Tensor

from ...block.geometry import BlockGeometry
from .base import Config, read_activation
from .gpt_families import GPT2, OPT, plain_geometry
from .transforms import interleaved_rows, interleaved_transforms

# CodeGen stores its fused tensor in the four shards of its training.
_PARTS = 4
_ORDER = ('q', 'v', 'k')


def gptj_geometry(config: Config) -> BlockGeometry:
    """Geometry of GPT-J: part of each head is rotated, base 10,000."""
    turned = config.get('rotary_dim')
    rope = dict(rope_theta=1e4, rope_dims=turned) if turned else {}
    return plain_geometry(
        config,
        read_activation(config, 'activation_function'),
        ffn_dim=config.get('n_inner') or 4 * config['hidden_size'],
        norm_eps=config['layer_norm_epsilon'],
        qkv_bias=False,
        out_bias=False,
        parallel=True,
        shared_norm=True,
        **rope)


def gpt_neo_geometry(config: Config) -> BlockGeometry:
    """Geometry of GPT-Neo, which does not scale its scores."""
    return plain_geometry(
        config,
        read_activation(config, 'activation_function'),
        ffn_dim=config.get('intermediate_size') or 4 * config['hidden_size'],
        norm_eps=config['layer_norm_epsilon'],
        qkv_bias=False,
        attention_scale=1.0)


def xglm_geometry(config: Config) -> BlockGeometry:
    """Geometry of XGLM."""
    return plain_geometry(
        config,
        read_activation(config, 'activation_function'),
        ffn_dim=config['ffn_dim'])


def codegen_part(tensor: Tensor, geometry: BlockGeometry, part: str) -> Tensor:
    """Query, key or value out of four parts, each of (q, v, k)."""
    grouped = tensor.unflatten(0, (_PARTS, len(_ORDER), -1))
    rows = grouped[:, _ORDER.index(part)].flatten(0, 1)
    return rows.clone() if part == 'v' else interleaved_rows(rows, geometry)


GPTJ = replace(
    GPT2,
    name='gptj',
    model_types=('gptj', ),
    geometry=gptj_geometry,
    refine=None,
    modules={
        'attn.q': 'attn.q_proj',
        'attn.k': 'attn.k_proj',
        'attn.v': 'attn.v_proj',
        'attn.out': 'attn.out_proj',
        'ffn.up': 'mlp.fc_in',
        'ffn.down': 'mlp.fc_out',
        'attn_norm': 'ln_1',
    },
    transforms=interleaved_transforms(),
    defaults=dict(activation_function='gelu_new', layer_norm_epsilon=1e-5,
                  rotary_dim=64),
    note='attention and feed-forward side by side, after one norm')

CODEGEN = replace(
    GPTJ,
    name='codegen',
    model_types=('codegen', ),
    modules={
        **GPTJ.modules,
        **dict.fromkeys(('attn.q', 'attn.k', 'attn.v'), 'attn.qkv_proj'),
    },
    unused=(*GPTJ.unused, 'attn.causal_mask'),
    transforms={
        f'attn.{part}.weight': partial(codegen_part, part=part)
        for part in _ORDER
    },
    note='as GPT-J; queries, keys and values fused')

GPT_NEO = replace(
    GPT2,
    name='gpt_neo',
    model_types=('gpt_neo', ),
    geometry=gpt_neo_geometry,
    refine=None,
    modules={
        'attn.q': 'attn.attention.q_proj',
        'attn.k': 'attn.attention.k_proj',
        'attn.v': 'attn.attention.v_proj',
        'attn.out': 'attn.attention.out_proj',
        'ffn.up': 'mlp.c_fc',
        'ffn.down': 'mlp.c_proj',
        'attn_norm': 'ln_1',
        'ffn_norm': 'ln_2',
    },
    unused=('attn.attention.bias', 'attn.attention.masked_bias'),
    transforms={},
    renames=dict(num_heads='num_attention_heads',
                 num_layers='num_hidden_layers'),
    note='scores without a scale; local windows are not applied')

XGLM = replace(
    OPT,
    name='xglm',
    model_types=('xglm', ),
    geometry=xglm_geometry,
    prefixes=('model.layers.{i}.', 'layers.{i}.'),
    final_norm=('model.layer_norm', 'layer_norm'),
    renames=dict(d_model='hidden_size', num_layers='num_hidden_layers',
                 attention_heads='num_attention_heads'),
    defaults=dict(activation_function='gelu'),
    sizes={},
    note='positions are added to the embeddings')
