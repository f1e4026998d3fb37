"""Families of language models: one entry each, nothing but tables.

An entry says how to read the geometry out of the family's configuration file
and what the family calls the tensors of a layer. To add a family, add an
entry to :data:`FAMILIES`; no other file has to change.
"""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Tuple

from torch import Tensor

from .errors import CheckpointError
from .geometry import BlockGeometry

Config = Mapping[str, Any]

# Names that configuration files give to one and the same function.
ACTIVATION_NAMES = {
    'silu': 'silu',
    'swish': 'silu',
    'gelu': 'gelu',
    'gelu_new': 'gelu_tanh',
    'gelu_pytorch_tanh': 'gelu_tanh',
    'relu': 'relu',
}


@dataclass(frozen=True)
class Family:
    """How one family of checkpoints describes and names a block.

    Args:
        name: The family's name, part of the block's identity.
        config_file: The file that marks such a checkpoint folder.
        model_types: Values of ``model_type`` in that file (empty if the file
            itself tells the family).
        num_layers_key: Where that file gives the number of layers.
        geometry: From that file's content to the geometry.
        prefixes: What may stand before a layer's tensors; ``{i}`` is the
            layer's index. The first that occurs in the checkpoint is used.
        modules: Our module name -> the family's, within a layer.
        final_norm: Where the norm after the last layer may be called.
        parameters: Our parameter name -> what the family may call it.
        unused: Tensors of a layer that are no part of the block's function,
            by name within the layer.
        shard_dims: Our module name -> the dimension along which a
            model-parallel checkpoint splits its weight.
        transforms: Our tensor name -> ``f(tensor, geometry)`` that brings a
            family's own memory layout to ours.
    """

    name: str
    config_file: str
    model_types: Tuple[str, ...]
    num_layers_key: str
    geometry: Callable[[Config], BlockGeometry]
    prefixes: Tuple[str, ...]
    modules: Mapping[str, str]
    final_norm: Tuple[str, ...] = ()
    parameters: Mapping[str, Tuple[str, ...]] = field(
        default_factory=lambda: dict(weight=('weight', ), bias=('bias', )))
    unused: Tuple[str, ...] = ()
    shard_dims: Mapping[str, int] = field(default_factory=dict)
    transforms: Mapping[str, Callable[[Tensor, BlockGeometry],
                                      Tensor]] = field(default_factory=dict)


def read_activation(config: Config, key: str = 'hidden_act') -> str:
    """Our name of the configured activation.

    Raises:
        CheckpointError: If the activation has no entry in our table.
    """
    given = config[key]
    if given not in ACTIVATION_NAMES:
        raise CheckpointError(
            f'activation {given!r} ({key} in the configuration) is unknown; '
            f'known: {", ".join(ACTIVATION_NAMES)}. Add it to '
            'ACTIVATION_NAMES in lm4ve_mm/llm/families.py')
    return ACTIVATION_NAMES[given]


def _rope_theta(config: Config) -> float | None:
    """Base of a plain rotary phase, or None where the phase is rescaled."""
    rope = dict(config.get('rope_parameters') or {})
    scaling = config.get('rope_scaling') or {}
    kind = rope.get('rope_type') or scaling.get(
        'rope_type', scaling.get('type', 'default'))
    if kind != 'default':
        return None
    return float(rope.get('rope_theta', config.get('rope_theta', 10000.0)))


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
        rope_theta=_rope_theta(config))


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
    scaled = params.get('use_scaled_rope', False)
    return BlockGeometry(
        width=width,
        num_heads=params['n_heads'],
        num_kv_heads=params.get('n_kv_heads'),
        ffn_dim=step * ((hidden + step - 1) // step),
        norm_eps=params['norm_eps'],
        rope_theta=None if scaled else params.get('rope_theta', 10000.0))


def bert_geometry(config: Config) -> BlockGeometry:
    """Geometry from a BERT ``config.json``."""
    return BlockGeometry(
        width=config['hidden_size'],
        num_heads=config['num_attention_heads'],
        ffn_dim=config['intermediate_size'],
        norm='layer',
        norm_eps=config.get('layer_norm_eps', 1e-12),
        placement='post',
        activation=read_activation(config),
        gated=False,
        qkv_bias=True,
        out_bias=True,
        ffn_bias=True,
        final_norm=False)


def interleaved_to_halves(weight: Tensor, geometry: BlockGeometry) -> Tensor:
    """Reorder a query or key map from Meta's rotary layout to ours.

    Meta rotates neighbouring rows (2i, 2i+1) of a head together, we rotate
    rows (i, i + head_dim/2), as Hugging Face does. Scores do not change, and
    both releases of a model come to the same bytes, hence the same digest.

    Args:
        weight: (heads * head_dim, width).
        geometry: Gives ``head_dim``.
    """
    rows, columns = weight.shape
    pairs = weight.view(-1, geometry.head_dim // 2, 2, columns)
    return pairs.transpose(1, 2).reshape(rows, columns)


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
    unused=('self_attn.rotary_emb.inv_freq', ))

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
    })

BERT = Family(
    name='bert',
    config_file='config.json',
    model_types=('bert', ),
    num_layers_key='num_hidden_layers',
    geometry=bert_geometry,
    prefixes=('encoder.layer.{i}.', 'bert.encoder.layer.{i}.'),
    modules={
        'attn.q': 'attention.self.query',
        'attn.k': 'attention.self.key',
        'attn.v': 'attention.self.value',
        'attn.out': 'attention.output.dense',
        'attn_norm': 'attention.output.LayerNorm',
        'ffn.up': 'intermediate.dense',
        'ffn.down': 'output.dense',
        'ffn_norm': 'output.LayerNorm',
    },
    # Files converted from TensorFlow keep its names in the norms.
    parameters=dict(weight=('weight', 'gamma'), bias=('bias', 'beta')))

FAMILIES: Tuple[Family, ...] = (LLAMA, LLAMA_META, BERT)


def known_model_types() -> Dict[str, Family]:
    """Every ``model_type`` of a ``config.json`` that we can read."""
    return {
        model_type: family
        for family in FAMILIES for model_type in family.model_types
    }


def find_family(config: Config, config_file: str) -> Family:
    """The entry for a checkpoint's configuration.

    Args:
        config: Content of the configuration file.
        config_file: Its name, ``config.json`` or ``params.json``.

    Raises:
        CheckpointError: If no entry fits; the known ones are named.
    """
    if config_file == LLAMA_META.config_file:
        return LLAMA_META
    known = known_model_types()
    model_type = config.get('model_type')
    if model_type not in known:
        raise CheckpointError(
            f'{config_file} says model_type={model_type!r}, a family that is '
            f'not in the table; known: {", ".join(sorted(known))}. An entry '
            'is added in lm4ve_mm/llm/families.py')
    return known[model_type]
