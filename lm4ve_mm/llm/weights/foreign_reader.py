"""Reads one layer under transformers' names: all of it, nothing else."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from ..block.foreign_block import ForeignBlock
from ..block.foreign_geometry import ForeignGeometry
from ..block.norms import plain_norm
from ..block.skeleton import Skeleton, skeleton_of
from ..errors import CheckpointError
from .families import LLAMA, Family
from .layer_reader import layer_prefix
from .quantised import refuse_quantised_names
from .tensor_files import TensorSource


def read_foreign_layer(source: TensorSource, family: Family, layer: int,
                       geometry: ForeignGeometry) -> dict[str, Tensor]:
    """Read one layer strictly, and see whether it can be run.

    Args:
        source: Where the tensors are.
        family: Where they stand in it.
        layer: Index of the layer.
        geometry: What they have to be.

    Raises:
        CheckpointError: If a tensor is missing, has another shape, is left
            over or quantised, or the layer cannot stand alone.
    """
    names = source.names()
    prefix = layer_prefix(family, names, layer)
    there = sorted(name for name in names if name.startswith(prefix))
    refuse_quantised_names(there, f'layer {layer}')
    skeleton = skeleton_of(geometry.model_type, geometry.settings,
                           geometry.layer)
    read = {name[len(prefix):]: source.read(name)[0] for name in there}
    if family.config_file == LLAMA.config_file:  # not a file of ours
        read = _converted(read, skeleton)
    _compare(read, geometry, f'layer {layer}')
    tensors = {name: read[name] for name in geometry.tensor_shapes()}
    check_alone(geometry, tensors)
    return tensors


def _compare(read: Mapping[str, Tensor], geometry: ForeignGeometry,
             where: str) -> None:
    wanted = geometry.tensor_shapes()
    missing = sorted(set(wanted) - set(read))
    left = sorted(set(read) - set(wanted))
    if missing or left:
        raise CheckpointError(
            f'{where} of {geometry.model_type!r} is not what transformers '
            f'builds of its configuration: missing {missing[:4]}, left over '
            f'{left[:4]}')
    for name, shape in wanted.items():
        if tuple(read[name].shape) != shape:
            raise CheckpointError(
                f'{where}: tensor {name} has the shape '
                f'{tuple(read[name].shape)}, the configuration asks for '
                f'{shape}')


def _converted(read: Mapping[str, Tensor],
               skeleton: Skeleton) -> dict[str, Tensor]:
    """Names and layout that transformers 5 brings a file's tensors into.

    It joins the experts of a layer, for instance.
    """
    try:
        from transformers.conversion_mapping import (
            get_model_conversion_mapping,
        )
        from transformers.core_model_loading import (
            WeightConverter,
            WeightRenaming,
            dot_natural_key,
            rename_source_key,
        )
    except ImportError:
        return dict(read)  # transformers 4: as in the file
    rules = get_model_conversion_mapping(skeleton.model)
    renamings = [r for r in rules if isinstance(r, WeightRenaming)]
    converters = [r for r in rules if isinstance(r, WeightConverter)]
    by_pattern = {pattern: rule for rule in converters
                  for pattern in rule.source_patterns}
    outer = f'{skeleton.path}.{skeleton.index}.'
    found: dict[str, Tensor] = {}
    joined: dict[str, Any] = {}
    for name in sorted(read, key=dot_natural_key):
        target, pattern = rename_source_key(outer + name, renamings,
                                            converters)
        if pattern is None:
            found[target.removeprefix(outer)] = read[name]
            continue
        if target not in joined:
            joined[target] = deepcopy(by_pattern[pattern])
        joined[target].add_tensor(target, outer + name, pattern, read[name])
    for target, rule in joined.items():
        try:
            made = rule.convert(target, model=skeleton.model,
                                config=skeleton.model.config)
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            raise CheckpointError(
                f'the tensors of {target} cannot be joined as transformers '
                f'joins them: {error}') from error
        for name, tensor in made.items():
            tensor = tensor[0] if isinstance(tensor, list) else tensor
            found[name.removeprefix(outer)] = tensor
    return found


def check_alone(geometry: ForeignGeometry,
                tensors: Mapping[str, Tensor]) -> None:
    """Run the layer on four tokens, and check that nothing else matters.

    Without a mask every token sees every other, in any order; with one,
    none sees what is hidden.

    Raises:
        CheckpointError: If the layer cannot be run, has a state or a mask of
            its own, or positions that cannot be turned off.
    """
    block = ForeignBlock(geometry, {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()})
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, geometry.width, generator=generator)
    earlier = torch.ones(4, 4, dtype=torch.bool).tril()
    other = torch.cat([x[:, :3], -x[:, 3:]], 1)
    plain, turned, changed = _run(block, (x, x.flip(1), other), None)
    kind = f'a layer of {geometry.model_type!r}'
    if plain.shape != x.shape:
        raise CheckpointError(f'{kind} gives {tuple(plain.shape)} for '
                              f'{tuple(x.shape)}')
    if torch.equal(plain[:, 0], changed[:, 0]):
        raise CheckpointError(
            f'{kind} looks backwards alone, with no mask to say so (a '
            'recurrent state, or a mask of its own): tokens of an image have '
            'no order')
    if not _alike(plain, turned.flip(1)):
        raise CheckpointError(
            f'{kind} has positions of its own, which cannot be turned off')
    hidden, unseen = _run(block, (x, other), earlier)
    if not _alike(hidden[:, :3], unseen[:, :3]):
        raise CheckpointError(f'{kind} takes no mask of ours')


def _run(block: ForeignBlock, inputs: Sequence[Tensor],
         mask: Tensor | None) -> list[Tensor]:
    """The outputs for some inputs; a failure becomes a CheckpointError."""
    try:
        with torch.no_grad():
            return [block(x, mask) for x in inputs]
    except CheckpointError:
        raise
    except (AttributeError, IndexError, KeyError, NotImplementedError,
            RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f'a layer of {block.geometry.model_type!r} cannot be run on its '
            f'own: {error}') from error


def _alike(a: Tensor, b: Tensor) -> bool:
    """Equal but for rounding."""
    return bool((a - b).abs().max() <= 1e-4 * a.abs().max())


def read_foreign_norm(source: TensorSource, family: Family,
                      geometry: ForeignGeometry) -> dict[str, Tensor] | None:
    """The final norm in our parts; one that the model lacks has no effect.

    Returns:
        dict: None where the checkpoint has no final norm.

    Raises:
        CheckpointError: If a part of it is missing or has another shape.
    """
    if geometry.norm is None:
        return None
    names = set(source.names())
    stem = next((stem for stem in family.final_norm
                 if f'{stem}.weight' in names), None)
    if geometry.norm_parts and stem is None:
        return None
    found = plain_norm(geometry)
    for part in geometry.norm_parts:
        name = f'{stem}.{part}'
        if name not in names:
            raise CheckpointError(f'tensor {name} is missing')
        tensor, wanted = source.read(name)[0], found[part].shape
        if tensor.shape != wanted:
            raise CheckpointError(
                f'tensor {name} has the shape {tuple(tensor.shape)}, the '
                f'model asks for {tuple(wanted)}')
        found[part] = tensor
    return found
