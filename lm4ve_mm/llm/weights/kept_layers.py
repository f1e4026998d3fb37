"""Layers of models on the hub, each kept in a file of its own."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import Timeout
from huggingface_hub.utils import WeakFileLock, tqdm
from safetensors.torch import save_file

from lm4ve_mm.utils.build_once import remove

from ..errors import CheckpointError
from .identity import digest
from .remote_file import Place, RemoteFile
from .tensor_files import TensorSource, open_safetensors, safetensors_files

_LOG = logging.getLogger(__name__)
# Files on the hub, and what is fetched of each.
RemoteParts = list[tuple[RemoteFile, dict[str, Place]]]


def write_layer(path: Path, parts: RemoteParts, title: str) -> None:
    """Fetch tensors into a file that is complete or not there.

    They keep their names and bytes, so that the family's table is applied
    whenever the file is read, as it is to a whole checkpoint.
    """
    if path.is_file():
        _LOG.warning('%s has no sha256 (an earlier version of lm4ve_mm wrote '
                     'it) and is fetched again', path)
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


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left, but not what another one writes."""
    for part in folder.glob('.layer-*.safetensors.*'):
        lock = folder / f'{part.name.split(".")[1]}.lock'
        with suppress(Timeout), WeakFileLock(lock, timeout=0.01):
            remove(part)


def is_kept(path: Path) -> bool:
    """Whether a layer's own file is there, with its digest."""
    # Unlike Path.is_file(), it takes a folder that may not be read for none.
    if not os.path.isfile(path):
        return False
    with _damage(path), open_safetensors(path) as opened:
        return 'sha256' in (opened.metadata() or {})


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Say how a damaged file in the cache is fetched again."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(
            f'{error}. It lies in the cache: delete {path} to have it fetched '
            'anew') from error


def open_kept(paths: Iterable[Path]) -> TensorSource:
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
