"""What an entry of the family table is, and how configurations are read."""

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

from torch import Tensor

from ...errors import CheckpointError
from ...block.geometry import BlockGeometry

Config = Mapping[str, Any]
Transform = Callable[[Tensor, BlockGeometry], Tensor]

# Names that configuration files give to one and the same function.
ACTIVATION_NAMES = {
    'silu': 'silu',
    'swish': 'silu',
    'gelu': 'gelu',
    'gelu_new': 'gelu_tanh',
    'gelu_fast': 'gelu_tanh',
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
        modules: Our module name -> the family's, within a layer, or several
            that it may have. Those that a geometry does not have are not
            looked for.
        final_norm: Where the norm after the last layer may be called.
        parameters: Our parameter name -> what the family may call it.
        unused: Tensors of a layer that are no part of the block's function,
            by name within the layer.
        shard_dims: Our module name -> the dimension along which a
            model-parallel checkpoint splits its weight.
        transforms: Our tensor name -> ``f(tensor, geometry)`` that brings a
            family's own memory layout to ours. Several of our tensors may
            take their parts out of one fused tensor.
        renames: Keys of the file that stand for another key.
        refine: ``f(geometry, config, layer)`` where layers differ.
        nested_defaults: What keys mean that a ``text_config`` inside a
            multimodal checkpoint leaves out; such files hold only what
            differs from the defaults of the library.
        note: One line for the documentation.
    """

    name: str
    config_file: str
    model_types: Tuple[str, ...]
    num_layers_key: str
    geometry: Callable[[Config], BlockGeometry]
    prefixes: Tuple[str, ...]
    modules: Mapping[str, Union[str, Tuple[str, ...]]]
    final_norm: Tuple[str, ...] = ()
    parameters: Mapping[str, Tuple[str, ...]] = field(
        default_factory=lambda: dict(weight=('weight', ), bias=('bias', )))
    unused: Tuple[str, ...] = ()
    shard_dims: Mapping[str, int] = field(default_factory=dict)
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    refine: Optional[Callable[[BlockGeometry, Config, int],
                              BlockGeometry]] = None
    nested_defaults: Config = field(default_factory=dict)
    note: str = ''

    def names_of(self, own: str) -> Tuple[str, ...]:
        """What the family may call our module ``own``.

        Raises:
            CheckpointError: If the table does not say.
        """
        if own not in self.modules:
            raise CheckpointError(
                f'the configuration asks for {own}, for which family '
                f'{self.name!r} has no name in its table')
        names = self.modules[own]
        return (names, ) if isinstance(names, str) else names

    def layer_geometry(self, config: Config, layer: int) -> BlockGeometry:
        """Geometry of one layer; ``layer`` counts from zero."""
        geometry = self.geometry(config)
        if self.refine is None:
            return geometry
        return self.refine(geometry, config, layer)


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
            'ACTIVATION_NAMES in lm4ve_mm/llm/weights/families/base.py')
    return ACTIVATION_NAMES[given]


def require(config: Config, **wanted: Any) -> None:
    """Refuse settings that would need another block.

    Args:
        config: The configuration.
        **wanted: Key -> the one value that is supported, also the meaning of
            an absent key.

    Raises:
        CheckpointError: If the configuration says something else.
    """
    for key, value in wanted.items():
        if config.get(key, value) != value:
            raise CheckpointError(
                f'{key}={config[key]!r} in the configuration makes another '
                f'block than ours; supported is {value!r}')


def _llama3_bands(rope: Config) -> Tuple[float, float, float]:
    return (rope['low_freq_factor'], rope['high_freq_factor'],
            rope['original_max_position_embeddings'])


# Kind of rotary phase -> fields of the geometry.
ROPE_KINDS: Dict[str, Callable[[Config], dict]] = dict(
    default=lambda rope: {},
    linear=lambda rope: dict(rope_factor=float(rope['factor'])),
    llama3=lambda rope: dict(
        rope_factor=float(rope['factor']), rope_bands=_llama3_bands(rope)))


def read_rope(config: Config, share: float = 1.0) -> Dict[str, Any]:
    """Fields of the geometry that describe the rotary phase.

    Args:
        config: The configuration; its phase may be described by
            ``rope_parameters`` (transformers 5), or by ``rope_theta``,
            ``partial_rotary_factor`` and ``rope_scaling``.
        share: Share of a head that is turned, where the file does not say.

    Returns:
        dict: Empty where the phase is of a kind that we do not compute, or
        is described incompletely; it is off unless asked for.
    """
    rope = {
        **(config.get('rope_scaling') or {}),
        **(config.get('rope_parameters') or {})
    }
    kind = rope.get('rope_type', rope.get('type', 'default'))
    try:
        fields = ROPE_KINDS[kind](rope)
    except KeyError:
        return {}
    theta = rope.get('rope_theta', config.get('rope_theta', 10000.0))
    share = rope.get('partial_rotary_factor',
                     config.get('partial_rotary_factor', share))
    if share != 1:
        fields['rope_dims'] = int(share * head_dim(config))
        if fields['rope_dims'] % 2:
            return {}
    return dict(fields, rope_theta=float(theta))


def head_dim(config: Config) -> int:
    """Width of one head, which files may leave out."""
    given = config.get('head_dim')
    return given or config['hidden_size'] // config['num_attention_heads']
