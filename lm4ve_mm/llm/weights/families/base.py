"""What an entry of the family table is, and how configurations are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ...block.geometry import BlockGeometry
from ...errors import CheckpointError

Config = Mapping[str, Any]
Transform = Callable[[Tensor, BlockGeometry], Tensor]

# A configuration's name of an activation -> ours.
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
        prefixes: Possible prefixes of a layer's tensors; ``{i}`` is the
            layer's index. The first that occurs in the checkpoint is used.
        modules: Our module name -> the family's, within a layer, or several
            that it may have. Those that a geometry does not have are not
            looked for. Empty where the names are our own.
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
        defaults: What keys mean that a file leaves out; transformers 4
            writes only what differs from them.
        sizes: The same for the sizes, which only a ``text_config`` inside a
            multimodal checkpoint leaves out.
        note: One line for the documentation.
    """

    name: str
    config_file: str
    model_types: tuple[str, ...]
    num_layers_key: str
    geometry: Callable[[Config], BlockGeometry]
    prefixes: tuple[str, ...]
    modules: Mapping[str, str | tuple[str, ...]]
    final_norm: tuple[str, ...] = ()
    parameters: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: dict(weight=('weight', ), bias=('bias', )))
    unused: tuple[str, ...] = ()
    shard_dims: Mapping[str, int] = field(default_factory=dict)
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    refine: Callable[[BlockGeometry, Config, int],
                     BlockGeometry] | None = None
    defaults: Config = field(default_factory=dict)
    sizes: Config = field(default_factory=dict)
    note: str = ''

    def names_of(self, own: str) -> tuple[str, ...]:
        """What the family may call our module ``own``.

        Raises:
            CheckpointError: If the table does not say.
        """
        if not self.modules:
            return (own, )
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


def optional(config: Config, key: str) -> Any:
    """The value of a key; None, of which the geometry makes its default."""
    return config.get(key)


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


def sizes(hidden: int, feed_forward: int, layers: int,
          heads: int) -> dict[str, int]:
    """The defaults that transformers has for the sizes of a family."""
    return dict(
        hidden_size=hidden,
        intermediate_size=feed_forward,
        num_hidden_layers=layers,
        num_attention_heads=heads)
