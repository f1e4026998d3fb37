"""Families that differ from LLaMA in a switch or two.

In Helium and GLM the rotary phase turns neighbouring rows.
"""

from dataclasses import replace

from ...block.geometry import BlockGeometry
from .base import Config, require, sizes
from .llama_families import LLAMA, MISTRAL, PHI3, llama_geometry
from .rope import read_rope
from .transforms import interleaved_transforms


def smollm3_refine(geometry: BlockGeometry, config: Config,
                   layer: int) -> BlockGeometry:
    """Remove the phase from every fourth layer, or those the file lists."""
    turned = config.get('no_rope_layers')
    every = config['no_rope_layer_interval']
    if turned[layer] if turned else (layer + 1) % every:
        return geometry
    return replace(geometry, rope_theta=None)


def stablelm_geometry(config: Config) -> BlockGeometry:
    """Geometry of StableLM 1 and 2: LayerNorm, a partial rotary phase."""
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


def helium_geometry(config: Config) -> BlockGeometry:
    """Geometry of Helium: no bias in the output map of attention."""
    return replace(llama_geometry(config), out_bias=False)


def glm_geometry(config: Config) -> BlockGeometry:
    """Geometry of GLM-4 9B of 2024: half of each head is rotated."""
    return replace(
        llama_geometry(config),
        out_bias=False,
        **read_rope(config, share=0.5))


def glm4_geometry(config: Config) -> BlockGeometry:
    """Geometry of GLM-4 of 2025: norms around each part."""
    return replace(glm_geometry(config), placement='sandwich')


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

HELIUM = replace(
    LLAMA,
    name='helium',
    model_types=('helium', ),
    geometry=helium_geometry,
    transforms=interleaved_transforms(),
    defaults=dict(hidden_act='silu', rms_norm_eps=1e-8, head_dim=128,
                  num_key_value_heads=20, rope_theta=1e5,
                  max_position_embeddings=4096),
    sizes=sizes(2560, 7040, 24, 20),
    note='')

GLM = replace(
    LLAMA,
    name='glm',
    model_types=('glm', ),
    geometry=glm_geometry,
    modules={
        **LLAMA.modules,
        'ffn.gate': 'mlp.gate_up_proj',
        'ffn.up': 'mlp.gate_up_proj',
    },
    transforms={
        **interleaved_transforms(),
        'ffn.gate.weight': PHI3.transforms['ffn.gate.weight'],
        'ffn.up.weight': PHI3.transforms['ffn.up.weight'],
    },
    defaults=dict(hidden_act='silu', rms_norm_eps=1.5625e-7, head_dim=128,
                  num_key_value_heads=2, attention_bias=True,
                  max_position_embeddings=131072),
    sizes=sizes(4096, 13696, 40, 32),
    note='GLM-4 9B of 2024 and GLM-Edge')

GLM4 = replace(
    GLM,
    name='glm4',
    model_types=('glm4', ),
    geometry=glm4_geometry,
    modules={
        **GLM.modules,
        'attn_post_norm': 'post_self_attn_layernorm',
        'ffn_post_norm': 'post_mlp_layernorm',
    },
    note='GLM-4-0414')
