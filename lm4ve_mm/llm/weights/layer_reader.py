"""Reads one layer by its family's table: all of it, nothing else."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from ..block.geometry import BlockGeometry
from ..errors import CheckpointError
from .families import Family
from .quantised import refuse_quantised_names
from .tensor_files import TensorSource

Shapes = Mapping[str, tuple[int, ...]]


def layer_prefix(family: Family, names: Iterable[str], layer: int) -> str:
    """The prefix of the names of a layer's tensors.

    Raises:
        CheckpointError: If there is no tensor of that layer.
    """
    names = list(names)
    for prefix in family.prefixes:
        prefix = prefix.format(i=layer)
        if any(name.startswith(prefix) for name in names):
            return prefix
    tried = ', '.join(prefix.format(i=layer) for prefix in family.prefixes)
    raise CheckpointError(
        f'no tensor of layer {layer} is there (looked for {tried}...); the '
        f'first names are {sorted(names)[:3]}')


def layer_names(family: Family, names: Sequence[str],
                layer: int) -> list[str]:
    """The tensors that are needed for a layer and for the final norm."""
    prefix = layer_prefix(family, names, layer)
    unused = {prefix + name for name in family.unused}
    return [
        name for name in names
        if name.startswith(prefix) and name not in unused
        or name.rpartition('.')[0] in family.final_norm
    ]


class _Reader:
    """Takes tensors out of a source, by a family's table.

    Args:
        source: Where the tensors are.
        family: Whose names they have.
        geometry: What their shapes have to be.

    Attributes:
        used (set): The names that were taken.
    """

    def __init__(self, source: TensorSource, family: Family,
                 geometry: BlockGeometry) -> None:
        self._source = source
        self._family = family
        self._geometry = geometry
        self._names = set(source.names())
        self.used: set[str] = set()

    def module(self, own: str, stems: Sequence[str],
               shapes: Shapes) -> dict[str, Tensor]:
        """The tensors of one of our modules, found under any of the stems.

        Raises:
            CheckpointError: If one is missing or has another shape.
        """
        tensors = {}
        for full, shape in shapes.items():
            parameter = full.rpartition('.')[2]
            aliases = [
                f'{stem}.{alias}' for stem in stems
                for alias in self._family.parameters[parameter]
            ]
            found = next((a for a in aliases if a in self._names), None)
            if found is None:
                raise CheckpointError(
                    f'tensor {" or ".join(aliases)} is missing')
            tensor = self._take(found, own, full)
            if tuple(tensor.shape) != shape:
                raise CheckpointError(
                    f'tensor {found} has the shape {tuple(tensor.shape)}, '
                    f'the configuration asks for {shape}')
            tensors[full] = tensor
            self.used.add(found)
        return tensors

    def _take(self, found: str, own: str, full: str) -> Tensor:
        """One tensor, joined and brought into our memory layout."""
        parts = self._source.read(found)
        change = self._family.transforms.get(full)
        try:
            tensor = _join(parts, self._family.shard_dims.get(own), found)
            return change(tensor, self._geometry) if change else tensor
        except (IndexError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f'tensor {found}: {error} (its shape is '
                f'{tuple(parts[0].shape)})') from error


def _join(parts: list[Tensor], dim: int | None, name: str) -> Tensor:
    """One tensor out of model-parallel parts."""
    if len(parts) == 1:
        return parts[0]
    if dim is not None:
        return torch.cat(parts, dim)
    if any(not torch.equal(part, parts[0]) for part in parts[1:]):
        raise CheckpointError(f'{name} differs between the shards, though '
                              'every shard should hold the same')
    return parts[0]


def read_layer(source: TensorSource, family: Family, layer: int,
               geometry: BlockGeometry) -> dict[str, Tensor]:
    """Read one layer by its family's table: all of it, nothing else.

    Args:
        source: Where the tensors are.
        family: Whose names they have.
        layer: Index of the layer.
        geometry: What its shapes have to be.

    Returns:
        dict: Our name of each tensor -> tensor.

    Raises:
        CheckpointError: If a tensor is missing, has another shape, is
            quantised or left over.
    """
    names = source.names()
    prefix = layer_prefix(family, names, layer)
    there = {name for name in names if name.startswith(prefix)}
    there -= {prefix + name for name in family.unused}
    refuse_quantised_names(there, f'layer {layer}')
    reader = _Reader(source, family, geometry)
    tensors: dict[str, Tensor] = {}
    wanted = geometry.tensor_shapes()
    for own in {name.rpartition('.')[0]: None for name in wanted}:
        shapes = {
            name: shape
            for name, shape in wanted.items()
            if name.rpartition('.')[0] == own
        }
        stems = [prefix + stem for stem in family.names_of(own)]
        tensors.update(reader.module(own, stems, shapes))
    left = sorted(there - reader.used)
    if left:
        raise CheckpointError(
            f'layer {layer} has tensors that the table of family '
            f'{family.name!r} does not know: {", ".join(left)}. Leaving them '
            'out would change the function; see '
            'lm4ve_mm/llm/weights/families/')
    return tensors


def read_final_norm(source: TensorSource, family: Family,
                    geometry: BlockGeometry) -> dict[str, Tensor] | None:
    """The norm after the last layer, where the checkpoint has one."""
    names = set(source.names())
    for stem in family.final_norm:
        if f'{stem}.weight' in names:
            read = _Reader(source, family, geometry).module(
                'final_norm', [stem], geometry.norm_shapes('final_norm'))
            return {name.rpartition('.')[2]: t for name, t in read.items()}
    return None
