"""Reads chosen blocks out of any checkpoint, strictly, and only those."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..block.foreign_geometry import ForeignGeometry
from ..block.geometry import BlockGeometry
from ..errors import CheckpointError
from .blocks import Blocks, store_as
from .families import Family, resolve_config
from .foreign_reader import read_foreign_layer, read_foreign_norm
from .layer_reader import read_final_norm, read_layer
from .sources import Source, find_source
from .unreadable import unreadable

__all__ = ['Blocks', 'ChosenLayers', 'choose_layers', 'read_blocks']


@dataclass(frozen=True)
class ChosenLayers:
    """What a configuration says about the requested layers.

    Args:
        family: Whose layers they are.
        geometry: Shape of each.
        num_layers: How many the language model has.
        indices: Those that are wanted, from the first layer.
    """

    family: Family
    geometry: BlockGeometry
    num_layers: int
    indices: tuple[int, ...]


def resolve_layers(layers: Sequence[int], num_layers: int,
                   where: object) -> tuple[int, ...]:
    """Turn negative indices into positive ones and check the range.

    Raises:
        CheckpointError: If an index is out of range, repeated or absent.
    """
    if not isinstance(layers, Sequence) or not layers or not all(
            type(index) is int for index in layers):
        raise CheckpointError(
            f'layers={layers!r}: give a list of indices, such as (-1,)')
    for index in layers:
        if not -num_layers <= index < num_layers:
            raise CheckpointError(
                f'layer {index} does not exist: {where} has {num_layers} '
                f'layers, {-num_layers}..{num_layers - 1}')
    resolved = tuple(index % num_layers for index in layers)
    if len(set(resolved)) != len(resolved):
        raise CheckpointError(f'layers={tuple(layers)} names a layer twice')
    return resolved


def _common_geometry(geometries: Sequence[BlockGeometry],
                     layers: Sequence[int]) -> BlockGeometry:
    """The one geometry of several layers.

    Where they differ in the rotary phase alone, the phase is left out; it
    is off unless asked for.

    Raises:
        CheckpointError: If they differ in anything else.
    """
    if len(set(geometries)) == 1:
        return geometries[0]
    if isinstance(geometries[0], ForeignGeometry):
        raise CheckpointError(
            f'layers={tuple(layers)}: of a family without an entry in our '
            'table a single layer is read; take one of them')
    without = {
        replace(geometry, rope_theta=None, rope_factor=1.0, rope_bands=None)
        for geometry in geometries
    }
    if len(without) > 1:
        raise CheckpointError(
            f'layers {tuple(layers)} differ in their geometry; take one of '
            'them, or those that agree')
    return without.pop()


@contextmanager
def _located(where: object) -> Iterator[None]:
    """Put the checkpoint's name in front of every error about it."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f'{where}: {error}') from error
    except KeyError as error:
        raise CheckpointError(
            f'{where} lacks the key {error}, which its family needs'
        ) from error
    except (ArithmeticError, AttributeError, IndexError, RecursionError,
            TypeError, ValueError) as error:
        raise CheckpointError(
            f'{where} makes no block: {error}') from error


def choose_layers(source: Source, layers: Sequence[int]) -> ChosenLayers:
    """Family, geometry and indices of the wanted layers of a checkpoint.

    Args:
        source: The checkpoint, of which the configuration alone is read.
        layers: Indices of the wanted layers, negative ones from the last.

    Raises:
        CheckpointError: If the configuration is incomplete or unknown, or
            the layers do not exist or have no common geometry.
    """
    config, file = source.config()
    with _located(f'{source}, {file}'):
        family, settings = resolve_config(config, file)
        num_layers = int(settings[family.num_layers_key])
        indices = resolve_layers(layers, num_layers, source)
        geometries = [family.layer_geometry(settings, i) for i in indices]
    return ChosenLayers(family, _common_geometry(geometries, indices),
                        num_layers, indices)


@contextmanager
def _readable(checkpoint: str) -> Iterator[None]:
    """Turn errors of the operating system into a CheckpointError."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # one of ours, which speaks for itself
            raise
        raise unreadable(error.filename or checkpoint, error) from error


def read_blocks(checkpoint: str,
                layers: Sequence[int] = (-1, ),
                dtype: str = 'auto',
                file_sha256: str | None = None,
                obtain: str | None = None) -> Blocks:
    """Read chosen blocks of a language model, and no other bytes.

    The tensors are views of the mapped file where it stores them as we do,
    so that processes of one machine share their pages.

    Args:
        checkpoint: Folder of Hugging Face (``config.json``) or Meta
            (``params.json``), a block file of ours, a checkpoint published
            with its block, ``package://NAME``, or ``hf://OWNER/MODEL`` or
            ``hf://OWNER/MODEL@REVISION`` on the Hugging Face hub: the bytes
            of the layers are fetched once and kept in its cache.
        layers: Indices; negative ones count from the last layer.
        dtype: Storage type: ``'auto'`` (the checkpoint's), ``'float32'``,
            ``'bfloat16'``, ``'float16'``.
        file_sha256: If given, what ``model.safetensors`` must hash to. Not
            with ``hf://``, where that file is not read whole and a commit
            as the revision says exactly which one is meant.
        obtain: Command that gets the checkpoint, for the error message.

    Returns:
        Blocks: Strictly complete: every expected tensor, every shape
        compared, nothing in the layer left over, all values finite.

    Raises:
        CheckpointNotFoundError: If there is nothing to read.
        CheckpointError: If what is there does not give the block.
    """
    with _readable(checkpoint):
        source = find_source(checkpoint, obtain)
        if file_sha256 is not None:
            source.check_sha256(file_sha256)
        chosen = choose_layers(source, layers)
        opened = source.open(chosen.indices)
        family, geometry = chosen.family, chosen.geometry
        with _located(source):
            read, read_norm = read_layer, read_final_norm
            if isinstance(geometry, ForeignGeometry):
                read, read_norm = read_foreign_layer, read_foreign_norm
            tensors = [read(opened, family, index, geometry)
                       for index in chosen.indices]
            norm = read_norm(opened, family, geometry)
        return store_as(
            Blocks(family.name, source.name, chosen.indices,
                   chosen.num_layers, geometry, tensors, norm), dtype)


def read_geometry(checkpoint: str, layers: Sequence[int] = (-1, ),
                  obtain: str | None = None) -> ChosenLayers:
    """What :func:`choose_layers` finds for a checkpoint given by name."""
    with _readable(checkpoint):
        return choose_layers(find_source(checkpoint, obtain), layers)
