"""Layers of a model on the hub, kept in the hub's standard cache.

Tried in this order: the layer's own file in ``HF_ASSETS_CACHE``; the model's
files in ``HF_HUB_CACHE``, by whatever program they were downloaded; the hub.
Of safetensors the bytes of the layer alone are fetched and become such a
file of its own; of other forms the files that hold it are downloaded.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import Timeout
from huggingface_hub import (HfApi, constants, errors, get_token,
                             hf_hub_download, hf_hub_url)
from huggingface_hub.utils import WeakFileLock, tqdm
from safetensors.torch import save_file

from lm4ve_mm.utils.build_once import remove

from ..errors import CheckpointError, CheckpointNotFoundError
from .families import resolve_config
from .folder_files import (META, WEIGHTS, indexed, named_weights, open_folder,
                           refuse_adapter)
from .identity import digest
from .layer_reader import layer_names
from .quantised import (refuse_dtype, refuse_quantised,
                        refuse_quantised_names)
from .remote_file import Place, RangeNotServedError, RemoteFile
from .tensor_files import (MappedFiles, TensorSource, open_safetensors,
                           safetensors_files)
from .unreadable import read_json

_LOG = logging.getLogger(__name__)
_TOKEN = 'hf auth login, or the environment variable HF_TOKEN'
# What the hub's library raises -> the reason; the first that fits counts.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (errors.GatedRepoError, 'it is gated, and {account}. Accept its licence '
     'at {hub}/{repo} with an account, sign in ({token}), and if it may read '
     'too little, give a fine-grained token the permission to read gated '
     'repositories (owners may take time to grant access)'),
    (errors.RepositoryNotFoundError, '{hub} has no model {repo!r} that you '
     'may see. Is it spelt right? A private one needs a token: {token}'),
    (errors.RevisionNotFoundError, 'the model has no revision {revision!r}: '
     'give a branch, a tag or a commit of it, or leave @REVISION out'),
    (errors.HFValidationError, 'that is no name of a model ({error})'),
    (errors.HfHubHTTPError, '{hub} answered {status} ({error}). If it '
     'refuses the token (401), that may have expired; another: {token}'),
    (errors.OfflineModeIsEnabled, ''),
    (Exception, '{hub} cannot be reached ({cause}), and what is needed is '
     'not in the cache. Check the network, the proxy and HF_ENDPOINT'))
_OFFLINE = ('HF_HUB_OFFLINE is set, and what is needed is not in the cache '
            '({caches}). Run once with HF_HUB_OFFLINE=0, or copy the two '
            'folders from a machine that did')


@contextmanager
def _explained(model: Any) -> Iterator[None]:
    """Turn what the hub's library raises into one error that helps.

    Raises:
        CheckpointNotFoundError: With what was asked, the reason and remedies.
        CheckpointError: If a cache cannot be written.
    """
    by_hand = (f'Or get the model on another machine, hf download '
               f'{model.repo} --local-dir FOLDER, and set checkpoint=FOLDER')
    caches = f'{constants.HF_HUB_CACHE}, {constants.HF_ASSETS_CACHE}'
    try:
        yield
    except (errors.HTTPError, errors.HFValidationError, errors.
            LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        reason = next(text for kind, text in _REASONS
                      if isinstance(error, kind))
        if constants.HF_HUB_OFFLINE:
            reason = _OFFLINE
        account = 'no token was sent' if get_token() is None else (
            'the account of your token has no access to it')
        status = getattr(getattr(error, 'response', None), 'status_code', '')
        reason = reason.format(
            hub=constants.ENDPOINT, repo=model.repo, revision=model.revision,
            token=_TOKEN, error=error, cause=error.__cause__ or error,
            caches=caches, account=account, status=status)
        raise CheckpointNotFoundError(
            f'{model} cannot be read: {reason}.\n{by_hand}') from error
    except OSError as error:
        if error.errno is None:  # one of ours, which speaks for itself
            raise
        raise CheckpointError(
            f'what is fetched of {model} cannot be kept: {error}. Set '
            f'HF_ASSETS_CACHE (now {constants.HF_ASSETS_CACHE}, for layers) '
            f'and HF_HUB_CACHE (now {constants.HF_HUB_CACHE}, for whole '
            'files), or HF_HOME for both, to folders that you may write to.\n'
            + by_hand) from error


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
    with _explained(model):
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
    """Some layers of a model at one commit."""

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
        self.files = {i: assets / f'layer-{i}.safetensors' for i in layers}

    def open(self) -> TensorSource:
        if not all(_is_kept(path) for path in self.files.values()):
            found = self._downloaded() or self._fetch()
            if found is not None:
                return found
        return _open_kept(self.files.values())

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
        with _explained(self.model):
            sizes = _sizes(self.model, self.folder.name)
            refuse_quantised({}, sizes, self.model)
            forms = (self.named, ) if self.named else WEIGHTS
            form = next((file for file in forms if file in sizes), None)
            why = 'it has no safetensors to read a part of'
            if form and 'safetensors' in form:
                try:
                    self._keep(form, sizes)
                    return None
                except RangeNotServedError:
                    why = f'{constants.ENDPOINT} does not serve parts of files'
            return self._download(form, sizes, why)

    def _listed(self, file: str, sizes: dict[str, int]) -> str:
        """The file's name, if the hub has that file.

        Raises:
            CheckpointNotFoundError: If not.
        """
        if not sizes.get(file):
            raise CheckpointNotFoundError(
                f'{self.model} lists no {file} (with a size) at commit '
                f'{self.folder.name}, though the layer should lie in it: the '
                'upload is incomplete, take another revision')
        return file

    def _get(self, file: str, sizes: dict[str, int]) -> None:
        """Download a whole file into the hub's cache."""
        hf_hub_download(self.model.repo, self._listed(file, sizes),
                        revision=self.folder.name)

    def _shards(self, index: str, sizes: dict[str, int]) -> dict[str, str]:
        """Tensor name -> file, as an index on the hub says."""
        self._get(index, sizes)
        paths = indexed(self.folder, index)
        return {name: path.relative_to(self.folder).as_posix()
                for name, path in paths.items()}

    def _keep(self, form: str, sizes: dict[str, int]) -> None:
        """Fetch the layers that are not kept yet, each into its own file."""
        shards = self._shards(form, sizes) if form.endswith('.json') else None
        opened: dict[str, tuple[RemoteFile, dict[str, Place]]] = {}

        def places(file: str) -> dict[str, Place]:
            if file not in opened:
                url = hf_hub_url(self.model.repo, self._listed(file, sizes),
                                 revision=self.folder.name)
                remote = RemoteFile(url, sizes[file])
                opened[file] = remote, remote.places()
            return opened[file][1]

        for layer, path in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(path.parent)
            # The ranks of a run start together: one of them fetches.
            with WeakFileLock(path.with_suffix('.lock')):
                if _is_kept(path):
                    continue
                where = shards or dict.fromkeys(places(form), form)
                names = layer_names(self.family, list(where), layer)
                refuse_quantised_names(names, f'{self.model}, layer {layer}')
                parts: dict[str, dict[str, Place]] = {}
                for name in names:
                    place = places(where[name]).get(name)
                    if place is None:
                        raise CheckpointError(
                            f'{self.model}: {where[name]} does not hold '
                            f'{name}, though {form} says so; take another '
                            'revision')
                    refuse_dtype(name, place.dtype, self.model)
                    parts.setdefault(where[name], {})[name] = place
                _write(path, [(opened[file][0], held)
                              for file, held in parts.items()],
                       f'{self.model.name}, layer {layer}')

    def _download(self, form: str | None, sizes: dict[str, int],
                  why: str) -> TensorSource:
        """Get whole files, no more of them than hold the layers."""
        files = [form] if form else sorted(
            file for file in sizes if fnmatch(file, META))
        if form and form.endswith('.json'):
            where = self._shards(form, sizes)
            files = sorted({where[name] for name in self._names(list(where))})
        if not files:
            refuse_adapter(sizes, self.model)
            raise CheckpointNotFoundError(
                f'{self.model} holds no weights that we can read: expected '
                f'{self.named or ", ".join((*WEIGHTS, META))}; it has '
                f'{", ".join(sorted(sizes))}')
        total = sum(sizes[self._listed(file, sizes)] for file in files)
        _LOG.warning(
            '%s: %s. Downloading whole: %s, %s bytes in all, to %s',
            self.model, why, ', '.join(files), f'{total:,}',
            constants.HF_HUB_CACHE)
        for file in files:
            self._get(file, sizes)
        return open_folder(self.folder, form or self.named)


def _write(path: Path, parts: list[tuple[RemoteFile, dict[str, Place]]],
           title: str) -> None:
    """Fetch tensors into a file that is complete or not there.

    They keep their names and bytes, so that the family's table is applied
    whenever the file is read, as it is to a whole checkpoint.
    """
    total = sum(place.end - place.begin
                for _, places in parts for place in places.values())
    with tqdm(total=total, unit='B', unit_scale=True, desc=title) as progress:
        tensors = {name: tensor for remote, places in parts
                   for name, tensor in remote.tensors(places, progress)}
    with TemporaryDirectory(dir=path.parent, prefix=f'.{path.name}.') as part:
        whole = os.path.join(part, path.name)
        save_file(tensors, whole, metadata={'sha256': digest([tensors])})
        os.chmod(whole, 0o644)  # it is meant to be shared
        os.replace(whole, path)


def _remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left, but not what another one writes."""
    for part in folder.glob('.layer-*.safetensors.*'):
        lock = folder / f'{part.name.split(".")[1]}.lock'
        with suppress(Timeout), WeakFileLock(lock, timeout=0.01):
            remove(part)


def _is_kept(path: Path) -> bool:
    """Whether a layer's own file is there, with its digest."""
    # Unlike Path.is_file(), it takes a folder that may not be read for none.
    if not os.path.isfile(path):
        return False
    with _damage(path), open_safetensors(path) as opened:
        if 'sha256' in (opened.metadata() or {}):
            return True
    _LOG.warning('%s has no sha256 (an earlier version of lm4ve_mm wrote it) '
                 'and is fetched again', path)
    return False


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Say how a damaged file in the cache is fetched again."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(
            f'{error}. It lies in the cache: delete {path} to have it fetched '
            'anew') from error


def _open_kept(paths: Iterable[Path]) -> TensorSource:
    """The layers' own files, whose bytes are those that were written.

    Raises:
        CheckpointError: If not; it says how to fetch them again.
    """
    where: dict[str, Path] = {}
    for path in paths:
        with _damage(path), open_safetensors(path) as opened:
            wanted = opened.metadata()['sha256']
            names = list(opened.keys())
            source = safetensors_files(dict.fromkeys(names, path))
            found = digest([{name: source.read(name)[0] for name in names}])
            if found != wanted:
                raise CheckpointError(
                    f'{path} has changed on the disk: its tensors have '
                    f'sha256 {found}, what was fetched had {wanted}')
            where.update(dict.fromkeys(names, path))
    return safetensors_files(where)
