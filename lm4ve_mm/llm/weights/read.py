"""Reads chosen blocks out of any checkpoint, strictly, and only those."""

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from .block_file import BlockFile
from ..errors import CheckpointError
from .families import Family, resolve_config
from ..block.geometry import BlockGeometry
from .hub import HubModel, open_on_hub
from .sources import PACKAGE_SCHEME, check_file_sha256, find_config, resolve
from .tensor_files import TensorSource, open_folder, read_json
from .blocks import Blocks, store_as


def resolve_layers(layers: Sequence[int], num_layers: int,
                   source: str) -> Tuple[int, ...]:
    """Turn negative indices into positive ones and check the range.

    Raises:
        CheckpointError: If an index is out of range, repeated or absent.
    """
    if isinstance(layers, int) or not len(layers):
        raise CheckpointError(
            f'layers={layers!r}: give a list of indices, such as (-1,)')
    for index in layers:
        if not -num_layers <= index < num_layers:
            raise CheckpointError(
                f'layer {index} does not exist: {source!r} has {num_layers} '
                f'layers, {-num_layers}..{num_layers - 1}')
    resolved = tuple(index % num_layers for index in layers)
    if len(set(resolved)) != len(resolved):
        raise CheckpointError(f'layers={tuple(layers)} names a layer twice')
    return resolved


def _prefix(family: Family, names: List[str], layer: int,
            where: object) -> str:
    for prefix in family.prefixes:
        prefix = prefix.format(i=layer)
        if any(name.startswith(prefix) for name in names):
            return prefix
    tried = ', '.join(prefix.format(i=layer) for prefix in family.prefixes)
    raise CheckpointError(
        f'{where} has no tensor of layer {layer} (looked for {tried}...); its '
        f'first names are {sorted(names)[:3]}')


def _join(parts: List[Tensor], dim: Optional[int], name: str) -> Tensor:
    """One tensor out of model-parallel parts."""
    if len(parts) == 1:
        return parts[0]
    if dim is not None:
        return torch.cat(parts, dim)
    if any(not torch.equal(part, parts[0]) for part in parts[1:]):
        raise CheckpointError(f'{name} differs between the shards, though '
                              'every shard should hold the same')
    return parts[0]


def _transform(family: Family, full: str, tensor: Tensor, found: str,
               geometry: BlockGeometry) -> Tensor:
    """Bring a tensor, or our part of it, into our memory layout."""
    change = family.transforms.get(full)
    if change is None:
        return tensor
    try:
        return change(tensor, geometry)
    except CheckpointError as error:
        raise CheckpointError(f'tensor {found}: {error}') from error


def _read_module(source: TensorSource, family: Family, stems: Sequence[str],
                 own: str, shapes: Dict[str, Tuple[int, ...]], names: set,
                 geometry: BlockGeometry) -> Tuple[Dict[str, Tensor], set]:
    """Read one module's tensors by table; also returns the names used."""
    tensors, used = {}, set()
    for full, shape in shapes.items():
        parameter = full.rpartition('.')[2]
        aliases = [
            f'{stem}.{alias}' for stem in stems
            for alias in family.parameters[parameter]
        ]
        found = next((name for name in aliases if name in names), None)
        if found is None:
            raise CheckpointError(f'tensor {" or ".join(aliases)} is missing')
        tensor = _join(source.read(found), family.shard_dims.get(own), found)
        tensor = _transform(family, full, tensor, found, geometry)
        if tuple(tensor.shape) != shape:
            raise CheckpointError(
                f'tensor {found} has the shape {tuple(tensor.shape)}, the '
                f'configuration asks for {shape}')
        tensors[full] = tensor
        used.add(found)
    return tensors, used


def read_layer(source: TensorSource, family: Family, layer: int,
               geometry: BlockGeometry, where: object) -> Dict[str, Tensor]:
    """Read one layer by its family's table: all of it, nothing else.

    Args:
        source: Where the tensors are.
        family: Whose names they have.
        layer: Index of the layer.
        geometry: What its shapes have to be.
        where: What error messages call the source.

    Returns:
        dict: Our name of each tensor -> tensor.

    Raises:
        CheckpointError: If a tensor is missing, has another shape, or is
            left over.
    """
    names = set(source.names())
    prefix = _prefix(family, list(names), layer, where)
    tensors: Dict[str, Tensor] = {}
    seen = {prefix + name for name in family.unused}
    wanted = geometry.tensor_shapes()
    for own in {name.rpartition('.')[0]: None for name in wanted}:
        shapes = {
            name: shape
            for name, shape in wanted.items() if name.startswith(own + '.')
        }
        stems = [prefix + stem for stem in family.names_of(own)]
        read, used = _read_module(source, family, stems, own, shapes, names,
                                  geometry)
        tensors.update(read)
        seen |= used
    left = sorted(name for name in names
                  if name.startswith(prefix) and name not in seen)
    if left:
        raise CheckpointError(
            f'layer {layer} has tensors that the table of family '
            f'{family.name!r} does not know: {", ".join(left)}. Leaving them '
            'out would change the function; see '
            'lm4ve_mm/llm/weights/families/')
    return tensors


def _read_final_norm(source: TensorSource, family: Family,
                     geometry: BlockGeometry) -> Optional[Dict[str, Tensor]]:
    names = set(source.names())
    for stem in family.final_norm:
        if f'{stem}.weight' in names:
            shapes = geometry.norm_shapes('final_norm')
            read, _ = _read_module(source, family, [stem], 'final_norm',
                                   shapes, names, geometry)
            return {name.rpartition('.')[2]: t for name, t in read.items()}
    return None


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
    without = {
        replace(geometry, rope_theta=None, rope_factor=1.0, rope_bands=None)
        for geometry in geometries
    }
    if len(without) > 1:
        raise CheckpointError(
            f'layers {tuple(layers)} differ in their geometry; take one of '
            'them, or those that agree')
    return without.pop()


def read_geometry(
        path: Path,
        layers: Sequence[int] = (-1, ),
        name: Optional[str] = None
) -> Tuple[Family, BlockGeometry, int, Tuple[int, ...]]:
    """Family, geometry, layer count and chosen layers of a folder.

    Args:
        path: The checkpoint folder.
        layers: Indices of the wanted layers, negative ones from the last.
        name: What error messages call it.

    Raises:
        CheckpointError: If the configuration is incomplete or unknown, or
            the layers do not exist or have no common geometry.
    """
    config_path = find_config(path)
    family, config = resolve_config(read_json(config_path), config_path.name)
    try:
        num_layers = int(config[family.num_layers_key])
        wanted = resolve_layers(layers, num_layers, name or str(path))
        geometries = [family.layer_geometry(config, i) for i in wanted]
    except KeyError as error:
        raise CheckpointError(f'{config_path} lacks the key {error}, which '
                              f'family {family.name!r} needs') from error
    return family, _common_geometry(geometries, wanted), num_layers, wanted


def _read_block_file(path: Path, layers: Sequence[int]) -> Blocks:
    file = BlockFile(path)
    wanted = resolve_layers(layers, file.num_layers, str(path))
    geometry = BlockGeometry.from_dict(file.geometry)
    shapes = geometry.tensor_shapes()
    tensors = []
    for layer in wanted:
        read = file.read(str(layer))
        if read is None:
            raise CheckpointError(
                f'{path} holds layers {file.layers} of the {file.num_layers} '
                f'of {file.source!r}, not layer {layer}: set layers='
                f'{tuple(file.layers)}, or extract that layer')
        found = {name: tuple(tensor.shape) for name, tensor in read.items()}
        if found != shapes:
            wrong = sorted(set(found.items()) ^ set(shapes.items()))
            raise CheckpointError(
                f'{path}: tensors do not fit the geometry in the metadata; '
                f'differing: {wrong[:4]}')
        tensors.append(read)
    return Blocks(file.family, file.source, wanted, file.num_layers, geometry,
                  tensors, file.read('final_norm'))


def _read_folder(path: Path, layers: Sequence[int], name: str,
                 hub: Optional[HubModel]) -> Blocks:
    """Read a folder, or a model of the hub whose configuration it holds."""
    where = hub or path
    family, geometry, num_layers, wanted = read_geometry(
        path, layers, hub and str(hub) or name)

    def select(names: List[str], layer: int) -> List[str]:
        prefix = _prefix(family, names, layer, where)
        return [
            name for name in names if name.startswith(prefix)
            or name.rpartition('.')[0] in family.final_norm
        ]

    source = open_on_hub(hub, path, wanted, select) if hub else open_folder(
        path)
    tensors = []
    for layer in wanted:
        try:
            tensors.append(read_layer(source, family, layer, geometry, where))
        except CheckpointError as error:
            raise CheckpointError(f'{where}: {error}') from error
    return Blocks(family.name, name, wanted, num_layers, geometry, tensors,
                  _read_final_norm(source, family, geometry))


def read_blocks(checkpoint: str,
                layers: Sequence[int] = (-1, ),
                dtype: str = 'auto',
                file_sha256: Optional[str] = None,
                obtain: Optional[str] = None) -> Blocks:
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
    hub = HubModel.parse(checkpoint)
    if hub and file_sha256 is not None:
        raise CheckpointError(
            f'file_sha256 is that of a whole file, of which {checkpoint!r} '
            'reads a part. Set file_sha256=None and pin the model by its '
            f'commit: hf://{hub.repo}@COMMIT')
    path = resolve(checkpoint, obtain)
    if file_sha256 is not None:
        check_file_sha256(path, file_sha256)
    if path.is_dir():
        name = str(checkpoint).removeprefix(PACKAGE_SCHEME)
        name = hub.name if hub else Path(name).absolute().name
        blocks = _read_folder(path, layers, name, hub)
    else:
        blocks = _read_block_file(path, layers)
    return store_as(blocks, dtype)
