"""Families that differ from LLaMA in a switch or two."""

from dataclasses import replace

from ...block.geometry import BlockGeometry
from .base import Config, require, sizes
from .llama_families import LLAMA, MISTRAL, llama_geometry
from .rope import read_rope


def smollm3_refine(geometry: BlockGeometry, config: Config,
                   layer: int) -> BlockGeometry:
    """Take the phase from every fourth layer, unless the file says which."""
    turned = config.get('no_rope_layers')
    every = config['no_rope_layer_interval']
    if turned[layer] if turned else (layer + 1) % every:
        return geometry
    return replace(geometry, rope_theta=None)


def stablelm_geometry(config: Config) -> BlockGeometry:
    """Geometry of StableLM 1 and 2: LayerNorm, part of a head turned."""
    require(config, qk_layernorm=False)
    parallel = config.get('use_parallel_residual', False)
    return replace(
        llama_geometry(config),
        norm='layer',
        norm_eps=config['layer_norm_eps'],
        qkv_bias=config.get('use_qkv_bias', False),
        parallel=parallel,
        shared_norm=parallel,
        **read_rope(config, share=0.25))


SMOLLM3 = replace(
    LLAMA,
    name='smollm3',
    model_types=('smollm3', ),
    refine=smollm3_refine,
    defaults=dict(LLAMA.defaults, num_key_value_heads=4, rope_theta=2e6,
                  no_rope_layer_interval=4, max_position_embeddings=32768),
    sizes=sizes(2048, 11008, 36, 16),
    note='every fourth layer has no rotary phase')

MINISTRAL = replace(
    MISTRAL,
    name='ministral',
    model_types=('ministral', ),
    note='the 8B model of 2024')

STABLELM = replace(
    LLAMA,
    name='stablelm',
    model_types=('stablelm', ),
    geometry=stablelm_geometry,
    defaults=dict(hidden_act='silu', layer_norm_eps=1e-5,
                  max_position_embeddings=4096),
    sizes=sizes(2560, 6912, 32, 32),
    note='1 and 2; norms of query and key (12B) are not read')
