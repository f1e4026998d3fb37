"""Layers of a model on the hub, kept in the hub's standard cache.

Tried in this order: the layer's own file in ``HF_ASSETS_CACHE``; the model's
files in ``HF_HUB_CACHE``, whatever program downloaded them; the hub. Of
safetensors the bytes of the layer alone are fetched and become such a file
of its own; of other formats the files that hold the layer are downloaded.
"""

import fnmatch
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, errors, get_token, hf_hub_url
from huggingface_hub.utils import WeakFileLock
from safetensors.torch import save
from torch import Tensor

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
from .identity import digest
from .layer_reader import layer_names
from .quantised import refuse_quantised, refuse_quantised_names
from .remote_file import RangeNotServedError, RemoteFile
from .tensor_files import (
    MappedFiles,
    TensorSource,
    open_safetensors,
    safetensors_files,
)
from .unreadable import read_json

_LOG = logging.getLogger(__name__)
_UNWRITABLE = (
    'what is fetched cannot be kept ({error}). Set HF_ASSETS_CACHE (now '
    '{assets}, for layers) and HF_HUB_CACHE (now {hub_cache}, for whole '
    'files), or HF_HOME for both, to folders that you may write to')
_OFFLINE = (
    'HF_HUB_OFFLINE is set, and what is needed is not in the cache '
    '({hub_cache}, {assets}). Run once with HF_HUB_OFFLINE=0, or copy the '
    'two folders from a machine that did')
# What the hub's library raises -> the reason; the first that fits counts.
_REASONS: tuple[tuple[Any, str], ...] = (
    (errors.GatedRepoError, 'it is gated, and {account}. Accept its licence '
     'at {hub}/{repo} with an account, sign in ({token}), and if it may read '
     'too little, give a fine-grained token the permission to read gated '
     'repositories (owners may take time to grant access)'),
    (errors.RepositoryNotFoundError, '{hub} has no model {repo!r} that you '
     'may see. Is it spelt right? A private one needs a token: {token}'),
    (errors.RevisionNotFoundError, 'the model has no revision {revision!r}: '
     'give a branch, a tag or a commit of it, or leave @REVISION out'),
    (errors.HFValidationError, 'that is no name of a model ({error})'),
    (errors.HfHubHTTPError, '{hub} answered with an error ({error}). If it '
     'refuses the token (401), that may have expired; another: {token}'),
    ((errors.HTTPError, errors.EntryNotFoundError, ConnectionError),
     '{hub} cannot be reached ({cause}), and what is needed is not in the '
     'cache. Check the network, the proxy and HF_ENDPOINT'),
    (OSError, _UNWRITABLE))


@contextmanager
def _explained(model: Any) -> Iterator[None]:
    """Turn what the hub's library raises into one error that helps."""
    try:
        yield
    except CheckpointNotFoundError:
        raise
    except (errors.HTTPError, errors.HFValidationError, OSError) as error:
        reason = next(text for raised, text in _REASONS
                      if isinstance(error, raised))
        kind: type[Exception] = CheckpointNotFoundError
        if reason is _UNWRITABLE:
            kind = CheckpointError
        elif constants.HF_HUB_OFFLINE:
            reason = _OFFLINE
        reason = reason.format(
            repo=model.repo, revision=model.revision, error=error,
            cause=error.__cause__ or error, hub=constants.ENDPOINT,
            hub_cache=constants.HF_HUB_CACHE, assets=constants.HF_ASSETS_CACHE,
            token='hf auth login, or the environment variable HF_TOKEN',
            account='the account of your token has no access to it'
            if get_token() else 'no token was sent')
        raise kind(
            f'{model} cannot be read: {reason}.\nOr get the model on another '
            f'machine, hf download {model.repo} --local-dir FOLDER, and set '
            'checkpoint=FOLDER') from error


def fetch_config(model: Any, files: Sequence[str],
                 what: str = 'whole language model') -> Path:
    """Get the configuration; its folder is named after the commit.

    Args:
        model: A :class:`.sources.HubModel`.
        files: What the configuration may be called.
        what: What a model without it is not, for the message.

    Raises:
        CheckpointNotFoundError: If there is none, or no access to it.
    """
    with _explained(model):
        absent = errors.EntryNotFoundError if constants.HF_HUB_OFFLINE else \
            errors.RemoteEntryNotFoundError
        for file in files:
            with suppress(absent):
                return _download(model, file, model.revision)
        refuse_adapter(_sizes(model, model.revision), model)
    raise CheckpointNotFoundError(
        f'{model} has neither {" nor ".join(files)} at its top: it is no '
        f'{what} (files of another program?)')


def _download(model: Any, file: str, revision: str) -> Path:
    """A whole file, in the hub's cache."""
    return Path(HfApi(library_name='lm4ve_mm').hf_hub_download(
        model.repo, file, revision=revision))


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
        CheckpointNotFoundError: If they cannot be obtained.
        CheckpointError: If what there is does not hold them, is quantised
            or damaged, or what is fetched cannot be kept.
    """
    # Where ``cached_assets_path`` of the hub would be, without making it.
    assets = Path(constants.HF_ASSETS_CACHE, 'lm4ve_mm',
                  model.repo.replace('/', '--'), config.parent.name)
    kept = {i: assets / f'layer-{i}.safetensors' for i in layers}
    # False, unlike Path.is_file(), where the folder may not be read.
    if not all(map(os.path.isfile, kept.values())):
        wanted = _Layers(model, config, kept)
        found = wanted.downloaded() or wanted.fetch()
        if found is not None:
            return found
    return _open_kept(kept.values())


def _open_kept(paths: Iterable[Path]) -> TensorSource:
    """The layers' own files, if their bytes are those that were fetched."""
    where: dict[str, Path] = {}
    for path in paths:
        try:
            with open_safetensors(path) as opened:
                names = list(opened.keys())
                wanted = (opened.metadata() or {}).get('sha256')
            source = safetensors_files(dict.fromkeys(names, path))
            found = digest([{name: source.read(name)[0] for name in names}])
            if found != wanted:
                raise CheckpointError(
                    f'{path} has changed on the disk: its tensors have '
                    f'sha256 {found}, what was fetched had {wanted}')
        except CheckpointError as error:
            raise CheckpointError(
                f'{error}. It lies in the cache: delete {path} to have it '
                'fetched again') from error
        where.update(dict.fromkeys(names, path))
    return safetensors_files(where)


class _Layers:
    """Some layers of a model at one commit, and the files to keep them in."""

    def __init__(self, model: Any, config: Path,
                 kept: Mapping[int, Path]) -> None:
        self.model, self.folder, self.kept = model, config.parent, kept
        settings = read_json(config)
        refuse_quantised(settings, (), model)
        self.named = named_weights(settings)
        self.family, _ = resolve_config(settings, config.name)

    def _names(self, names: Sequence[str]) -> list[str]:
        """The names that the layers need, out of all names."""
        return [name for layer in self.kept
                for name in layer_names(self.family, names, layer)]

    def downloaded(self) -> TensorSource | None:
        """The model's files in the hub's cache, if they hold the layers."""
        try:
            source = open_folder(self.folder, self.named)
        except CheckpointNotFoundError:
            return None
        if not isinstance(source, MappedFiles):
            # How many parts Meta's files should have, only the hub knows.
            return source if constants.HF_HUB_OFFLINE else None
        absent = source.absent(self._names(source.names()))
        return None if absent else source

    def fetch(self) -> TensorSource | None:
        """Fetch the layers into ``kept``, or else open downloaded files."""
        with _explained(self.model):
            sizes = _sizes(self.model, self.folder.name)
            refuse_quantised({}, sizes, self.model)
            forms = (self.named, ) if self.named else WEIGHTS
            form = next((file for file in forms if file in sizes), None)
            where, files = self._files(form, sizes)
            why = 'it has no safetensors to read a part of'
            if form and 'safetensors' in form:
                try:
                    self._keep(where, {file: sizes[file] for file in files})
                    return None
                except RangeNotServedError:
                    why = f'{constants.ENDPOINT} does not serve parts of files'
            _LOG.warning(
                '%s: %s. Downloading whole: %s, %s bytes in all, to %s',
                self.model, why, ', '.join(files),
                f'{sum(map(sizes.__getitem__, files)):,}',
                constants.HF_HUB_CACHE)
            for file in files:
                _download(self.model, file, self.folder.name)
            return open_folder(self.folder, form or self.named)

    def _files(self, form: str | None, sizes: Mapping[str, int]
               ) -> tuple[dict[str, str], list[str]]:
        """Tensor name -> file, if there is an index; the layers' files."""
        where: dict[str, str] = {}
        files = [form] if form else sorted(fnmatch.filter(sizes, META))
        if form and form.endswith('.json'):
            _download(self.model, form, self.folder.name)
            where = {name: path.relative_to(self.folder).as_posix()
                     for name, path in indexed(self.folder, form).items()}
            files = sorted({where[name] for name in self._names(list(where))})
        if not files:
            refuse_adapter(sizes, self.model)
            raise CheckpointNotFoundError(
                f'{self.model} holds no weights that we can read: expected '
                f'{self.named or ", ".join((*WEIGHTS, META))}; it has '
                f'{", ".join(sorted(sizes))}')
        for file in files:
            if not sizes.get(file):
                raise CheckpointNotFoundError(
                    f'{self.model} lists no {file} (with a size) at commit '
                    f'{self.folder.name}, though the layer should lie in it: '
                    'the upload is incomplete, take another revision')
        return where, files

    def _keep(self, where: Mapping[str, str],
              sizes: Mapping[str, int]) -> None:
        """Fetch each layer into a file that is complete or not there.

        Tensors keep their names and bytes, so that the family's table is
        applied whenever the file is read, as it is to a whole checkpoint.
        """
        remote = cache(lambda file: RemoteFile(hf_hub_url(
            self.model.repo, file, revision=self.folder.name), sizes[file]))
        for layer, path in self.kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # The ranks of a run start together; only one of them fetches.
            with WeakFileLock(path.with_suffix('.lock')):
                if path.exists():
                    continue
                where = where or {name: file for file in sizes
                                  for name in remote(file).header}
                title = f'{self.model}, layer {layer}'
                names = layer_names(self.family, list(where), layer)
                refuse_quantised_names(names, title)
                tensors: dict[str, Tensor] = {}
                for file in sorted({where[name] for name in names}):
                    tensors |= remote(file).tensors(
                        [name for name in names if where[name] == file], title)
                # The name is fixed, so leftovers of a killed run are replaced.
                part = path.with_suffix('.part')
                try:
                    part.write_bytes(
                        save(tensors, {'sha256': digest([tensors])}))
                    os.replace(part, path)
                finally:
                    part.unlink(missing_ok=True)
