"""Layers of a model on the hub, kept in the hub's standard cache.

Three places are tried for a layer, in this order:

1. its own file in ``HF_ASSETS_CACHE``, written by an earlier run;
2. the files of the model in ``HF_HUB_CACHE``, if the whole model or the
   shards that hold the layer were downloaded by any program;
3. the hub: of safetensors only the bytes of the layer, which go into a file
   of 1.; of other forms the shards that hold it, which go to 2.

Both caches lie under ``HF_HOME`` unless set apart. Only 3. writes: a cache
that holds the layer may be read-only.
"""

import logging
import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import (LocalEntryNotFoundError,
                                    OfflineModeIsEnabled,
                                    RemoteEntryNotFoundError)
from huggingface_hub.utils import WeakFileLock

from ...errors import CheckpointError, CheckpointNotFoundError
from ..families import FAMILIES
from ..tensor_files import (MappedFiles, TensorSource, open_folder,
                            open_safetensors, safetensors_files)
from .explain import explained
from .layer_file import write_layer_file
from .ranges import Entry, RangeNotServedError
from .reference import HubModel, Select
from .remote import BIN, INDEX, META, SINGLE, RemoteModel

_LOG = logging.getLogger(__name__)


def config_folder(model: HubModel) -> Path:
    """Get the configuration; its folder is named after the commit.

    Without a network, or offline, what the cache has for the revision is
    taken, as the hub's own library does.

    Raises:
        CheckpointNotFoundError: If there is none, or no access to it.
    """
    files = sorted({family.config_file for family in FAMILIES})
    with explained(model):
        for file in files:
            try:
                return Path(
                    hf_hub_download(
                        model.repo, file, revision=model.revision)).parent
            except RemoteEntryNotFoundError:
                continue
            except LocalEntryNotFoundError:
                if not constants.HF_HUB_OFFLINE:
                    raise
        if constants.HF_HUB_OFFLINE:
            raise OfflineModeIsEnabled
    raise CheckpointNotFoundError(
        f'{model} has neither {" nor ".join(files)} at its top: it is no '
        'whole language model (an adapter, or files of another program?)')


def open_layers(model: HubModel, folder: Path, layers: Sequence[int],
                select: Select) -> TensorSource:
    """Open the tensors of some layers and of the final norm.

    Args:
        model: The model.
        folder: What :func:`config_folder` gave.
        layers: Indices from the first layer.
        select: Chooses the names of a layer.

    Raises:
        CheckpointNotFoundError: If they are not to be had.
        CheckpointError: If what there is does not hold them, or what is
            fetched cannot be kept.
    """
    files = {layer: _layer_path(model, folder, layer) for layer in layers}
    # Unlike Path.is_file(), it takes a folder that may not be read for none.
    if not all(os.path.isfile(path) for path in files.values()):
        held = _open_downloaded(folder, layers, select)
        if held is not None:
            return held
        whole = _fetch(model, folder, files, select)
        if whole is not None:
            return whole
    return _open_layer_files(list(files.values()))


def _layer_path(model: HubModel, folder: Path, layer: int) -> Path:
    """Where ``huggingface_hub.cached_assets_path`` would, uncreated."""
    return Path(constants.HF_ASSETS_CACHE, 'lm4ve_mm',
                model.repo.replace('/', '--'), folder.name,
                f'layer-{layer}.safetensors')


def _open_layer_files(paths: List[Path]) -> TensorSource:
    names: Dict[str, Path] = {}
    for path in paths:
        with open_safetensors(path) as opened:
            names.update(dict.fromkeys(opened.keys(), path))
    return safetensors_files(names)


def _open_downloaded(folder: Path, layers: Sequence[int],
                     select: Select) -> Optional[TensorSource]:
    """The model's files in the hub's cache, if they hold the layers."""
    try:
        source = open_folder(folder)
    except CheckpointNotFoundError:
        return None
    if not isinstance(source, MappedFiles):
        # Nothing says how many parts Meta's files have; the hub does.
        return source if constants.HF_HUB_OFFLINE else None
    names = [name for i in layers for name in select(source.names(), i)]
    return None if source.absent(names) else source


def _fetch(model: HubModel, folder: Path, files: Dict[int, Path],
           select: Select) -> Optional[TensorSource]:
    """Write the layers' files, or download what cannot be read in parts.

    Returns:
        TensorSource: The downloaded files; None if the layers' were written.
    """
    with explained(model):
        remote = RemoteModel(model, folder)
        if remote.index == INDEX or remote.single == SINGLE:
            try:
                _write_layer_files(remote, files, select)
                return None
            except RangeNotServedError:
                why = f'{constants.ENDPOINT} does not serve parts of files'
        else:
            why = 'it has no safetensors to read a part of'
        return _download(remote, list(files), select, why)


def _write_layer_files(remote: RemoteModel, files: Dict[int, Path],
                       select: Select) -> None:
    """Write the file of every layer that has none yet."""
    where: Dict[str, str] = {}
    for layer, path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # The ranks of a run start together: one of them fetches.
        with WeakFileLock(path.with_suffix('.lock')):
            if path.is_file():
                continue
            if not where:
                where = remote.weight_map() if remote.index else dict.fromkeys(
                    remote.entries(remote.single), remote.single)
            parts: Dict[str, Dict[str, Entry]] = {}
            for name in select(list(where), layer):
                entry = remote.entries(where[name]).get(name)
                if entry is None:
                    raise CheckpointError(
                        f'{remote.model}: {where[name]} does not hold {name}, '
                        f'though {remote.index} says so; take another '
                        'revision')
                parts.setdefault(remote.url(where[name]), {})[name] = entry
            write_layer_file(
                path, parts,
                dict(
                    repo=remote.model.repo,
                    commit=remote.commit,
                    layer=str(layer)), f'{remote.model.name}, layer {layer}')


def _download(remote: RemoteModel, layers: Sequence[int], select: Select,
              why: str) -> TensorSource:
    """Get whole files, no more of them than hold the layers."""
    if remote.index:
        where = remote.weight_map()
        names = [name for i in layers for name in select(list(where), i)]
        files = sorted({where[name] for name in names})
    elif remote.single:
        files = [remote.single]
    else:
        files = sorted(
            file for file in remote.sizes if fnmatch(file, META))
    if not files:
        raise CheckpointNotFoundError(
            f'{remote.model} holds no weights that we can read: expected '
            f'{SINGLE}, {BIN}, their index, or {META}; it has '
            f'{", ".join(sorted(remote.sizes))}')
    for file in files:
        remote.check(file)
    _LOG.warning(
        '%s: %s. Downloading whole: %s, %s bytes in all, to %s', remote.model,
        why, ', '.join(files), f'{sum(remote.sizes[f] for f in files):,}',
        constants.HF_HUB_CACHE)
    for file in files:
        remote.download(file)
    return open_folder(remote.folder)
