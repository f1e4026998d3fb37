"""Layers of a model on the hub, kept in the hub's standard cache.

Tried in this order: the layer's own file in ``HF_ASSETS_CACHE``; the model's
files in ``HF_HUB_CACHE``, by whatever program they were downloaded; the hub.
Of safetensors the bytes of the layer alone are fetched and become such a
file of its own; of other forms the files that hold it are downloaded.
"""

import logging
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import (
    HfApi,
    constants,
    errors,
    hf_hub_download,
    hf_hub_url,
)
from huggingface_hub.utils import WeakFileLock

from ..errors import CheckpointError, CheckpointNotFoundError
from .families import resolve_config
from .folder_files import (
    META,
    WEIGHTS,
    indexed,
    named_weights,
    open_folder,
    refuse_adapter,
)
from .hub_errors import explained
from .kept_layers import (
    RemoteParts,
    is_kept,
    open_kept,
    remove_leftovers,
    write_layer,
)
from .layer_reader import layer_names
from .quantised import refuse_dtype, refuse_quantised, refuse_quantised_names
from .remote_file import Place, RangeNotServedError, RemoteFile
from .tensor_files import MappedFiles, TensorSource
from .unreadable import read_json

_LOG = logging.getLogger(__name__)


def fetch_config(model: Any, files: Sequence[str]) -> Path:
    """Get the configuration; its folder is named after the commit.

    Without a network, or offline, what the cache has for the revision is
    taken, as the hub's own library does.

    Args:
        model: A :class:`.sources.HubModel`.
        files: What the configuration may be called.

    Raises:
        CheckpointNotFoundError: If there is none, or no access to it.
    """
    with explained(model):
        for file in files:
            try:
                return Path(hf_hub_download(
                    model.repo, file, revision=model.revision))
            except errors.RemoteEntryNotFoundError:
                continue
            except errors.LocalEntryNotFoundError:
                if not constants.HF_HUB_OFFLINE:
                    raise
        if constants.HF_HUB_OFFLINE:
            raise errors.OfflineModeIsEnabled
        refuse_adapter(_sizes(model, model.revision), model)
    raise CheckpointNotFoundError(
        f'{model} has neither {" nor ".join(files)} at its top: it is no '
        'whole language model (files of another program?)')


def _sizes(model: Any, revision: str) -> dict[str, int]:
    """Every file of the repository and how many bytes it has."""
    info = HfApi().model_info(
        model.repo, revision=revision, files_metadata=True)
    return {held.rfilename: held.size or 0 for held in info.siblings or ()}


def open_layers(model: Any, config: Path,
                layers: Sequence[int]) -> TensorSource:
    """Open the tensors of some layers and of the final norm.

    Args:
        model: A :class:`.sources.HubModel`.
        config: What :func:`fetch_config` gave.
        layers: Indices from the first layer.

    Raises:
        CheckpointNotFoundError: If they are not to be had.
        CheckpointError: If what there is does not hold them, is quantised
            or damaged, or what is fetched cannot be kept.
    """
    return _Layers(model, config, layers).open()


class _Layers:
    """Some layers of a model at one commit; see :func:`open_layers`."""

    def __init__(self, model: Any, config: Path,
                 layers: Sequence[int]) -> None:
        self.model, self.folder, self.layers = model, config.parent, layers
        settings = read_json(config)
        refuse_quantised(settings, (), model)
        self.named = named_weights(settings)
        self.family, _ = resolve_config(settings, config.name)
        # Where ``cached_assets_path`` of the hub would be, without making it.
        assets = Path(constants.HF_ASSETS_CACHE, 'lm4ve_mm',
                      model.repo.replace('/', '--'), self.folder.name)
        self._opened: dict[str, tuple[RemoteFile, dict[str, Place]]] = {}
        self.files = {i: assets / f'layer-{i}.safetensors' for i in layers}

    def open(self) -> TensorSource:
        if not all(is_kept(path) for path in self.files.values()):
            found = self._downloaded() or self._fetch()
            if found is not None:
                return found
        return open_kept(self.files.values())

    def _names(self, names: Sequence[str]) -> list[str]:
        """Those of all names that are needed."""
        return [name for layer in self.layers
                for name in layer_names(self.family, names, layer)]

    def _downloaded(self) -> TensorSource | None:
        """The model's files in the hub's cache, if they hold the layers."""
        try:
            source = open_folder(self.folder, self.named)
        except CheckpointNotFoundError:
            return None
        if not isinstance(source, MappedFiles):
            # Nothing says how many parts Meta's files have; the hub does.
            return source if constants.HF_HUB_OFFLINE else None
        absent = source.absent(self._names(source.names()))
        return None if absent else source

    def _fetch(self) -> TensorSource | None:
        """Keep the layers' own files, or download what holds them."""
        with explained(self.model):
            self.sizes = _sizes(self.model, self.folder.name)
            refuse_quantised({}, self.sizes, self.model)
            forms = (self.named, ) if self.named else WEIGHTS
            form = next((file for file in forms if file in self.sizes), None)
            why = 'it has no safetensors to read a part of'
            if form and 'safetensors' in form:
                try:
                    self._keep(form)
                    return None
                except RangeNotServedError:
                    why = f'{constants.ENDPOINT} does not serve parts of files'
            return self._download(form, why)

    def _size(self, file: str) -> int:
        """Bytes of a file on the hub."""
        if not self.sizes.get(file):
            raise CheckpointNotFoundError(
                f'{self.model} lists no {file} (with a size) at commit '
                f'{self.folder.name}, though the layer should lie in it: the '
                'upload is incomplete, take another revision')
        return self.sizes[file]

    def _get(self, file: str) -> None:
        """Download a whole file into the hub's cache."""
        self._size(file)
        hf_hub_download(self.model.repo, file, revision=self.folder.name)

    def _shards(self, index: str) -> dict[str, str]:
        """Tensor name -> file, as an index on the hub says."""
        self._get(index)
        paths = indexed(self.folder, index)
        return {name: path.relative_to(self.folder).as_posix()
                for name, path in paths.items()}

    def _places(self, file: str) -> dict[str, Place]:
        """Where the tensors of a file on the hub lie."""
        if file not in self._opened:
            url = hf_hub_url(
                self.model.repo, file, revision=self.folder.name)
            remote = RemoteFile(url, self._size(file))
            self._opened[file] = remote, remote.places()
        return self._opened[file][1]

    def _keep(self, form: str) -> None:
        """Fetch the layers that are not kept yet, each into its own file."""
        shards = self._shards(form) if form.endswith('.json') else None
        for layer, path in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(path.parent)
            # The ranks of a run start together: one of them fetches.
            with WeakFileLock(path.with_suffix('.lock')):
                if is_kept(path):
                    continue
                where = shards or dict.fromkeys(self._places(form), form)
                write_layer(path, self._parts(where, layer),
                            f'{self.model.name}, layer {layer}')

    def _parts(self, where: dict[str, str], layer: int) -> RemoteParts:
        """What has to be fetched of which file for one layer."""
        names = layer_names(self.family, list(where), layer)
        refuse_quantised_names(names, f'{self.model}, layer {layer}')
        parts: dict[str, dict[str, Place]] = {}
        for name in names:
            place = self._places(where[name]).get(name)
            if place is None:
                raise CheckpointError(
                    f'{self.model}: {where[name]} does not hold {name}, '
                    'though the index says so; take another revision')
            refuse_dtype(name, place.dtype, self.model)
            parts.setdefault(where[name], {})[name] = place
        return [(self._opened[file][0], held) for file, held in parts.items()]

    def _download(self, form: str | None, why: str) -> TensorSource:
        """Get whole files, no more of them than hold the layers."""
        files = [form] if form else sorted(
            file for file in self.sizes if fnmatch(file, META))
        if form and form.endswith('.json'):
            where = self._shards(form)
            files = sorted({where[name] for name in self._names(list(where))})
        if not files:
            refuse_adapter(self.sizes, self.model)
            raise CheckpointNotFoundError(
                f'{self.model} holds no weights that we can read: expected '
                f'{self.named or ", ".join((*WEIGHTS, META))}; it has '
                f'{", ".join(sorted(self.sizes))}')
        total = sum(map(self._size, files))
        _LOG.warning(
            '%s: %s. Downloading whole: %s, %s bytes in all, to %s',
            self.model, why, ', '.join(files), f'{total:,}',
            constants.HF_HUB_CACHE)
        for file in files:
            self._get(file)
        return open_folder(self.folder, form or self.named)
