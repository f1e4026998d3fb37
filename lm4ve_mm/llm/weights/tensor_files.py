"""Tensors in files: mapped, not read, until someone asks for one.

Nothing here knows about language models.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import CheckpointError, CheckpointNotFoundError
from .pickles import open_torch
from .quantised import check_weight, refuse_dtype
from .unreadable import check_file

__all__ = [
    'HeldTensors', 'MappedFiles', 'ModelParallelFiles', 'TensorSource',
    'open_safetensors', 'open_torch', 'safetensors_files', 'torch_files'
]


class TensorSource(Protocol):
    """Tensors by name, wherever they lie."""

    def names(self) -> list[str]:
        """All names there are."""

    def read(self, name: str) -> list[Tensor]:
        """The tensor, in as many parts as a model-parallel file has."""


def open_safetensors(path: Path) -> Any:
    """Open a ``.safetensors`` file without reading its tensors.

    Its tensors are views of a private mapping: pages are read when touched
    and shared by all processes; what is written into a tensor goes to a copy
    of the page and never to the file.

    Raises:
        CheckpointError: If it is truncated or of another format.
    """
    check_file(path)
    try:
        return safe_open(str(path), framework='pt', device='cpu')
    except SafetensorError as error:
        raise CheckpointError(
            f'{path} ({path.stat().st_size:,} bytes) is truncated or not a '
            f'safetensors file ({error}): fetch it again') from error


class HeldTensors:
    """Tensors in memory as a source of tensors."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = tensors

    def names(self) -> list[str]:
        """All names there are."""
        return list(self._tensors)

    def read(self, name: str) -> list[Tensor]:
        """The tensor, as a list of one."""
        return [check_weight(self._tensors[name], name)]


class MappedFiles:
    """Tensors spread over files, each in exactly one of them.

    Args:
        files: Tensor name -> file.
        opener: Opens a file; the result is asked for tensors by ``getter``.
        getter: ``getter(opened, name)`` gives the tensor.
    """

    def __init__(self, files: Mapping[str, Path],
                 opener: Callable[[Path], Any],
                 getter: Callable[[Any, str], Tensor]) -> None:
        self._files = files
        self._opener = opener
        self._getter = getter
        self._opened: dict[Path, Any] = {}

    def names(self) -> list[str]:
        """All names there are, also of files that were not opened."""
        return list(self._files)

    def absent(self, names: Sequence[str]) -> list[Path]:
        """Those of the files of ``names`` that are not there."""
        paths = {self._files[name] for name in names}
        return sorted(path for path in paths if not path.is_file())

    def read(self, name: str) -> list[Tensor]:
        """The tensor, as a list of one.

        Raises:
            CheckpointNotFoundError: If the index names a file that is absent.
            CheckpointError: If the file is broken, lacks the tensor, or
                holds something that is no weight under its name.
        """
        path = self._files[name]
        if path not in self._opened:
            if not path.is_file():
                raise CheckpointNotFoundError(
                    f'{path} is missing: the index beside it says that it '
                    f'holds {name}. Fetch that shard')
            self._opened[path] = self._opener(path)
        try:
            return [self._getter(self._opened[path], name)]
        except (SafetensorError, KeyError) as error:
            raise CheckpointError(
                f'{path} does not hold {name}, though it should ({error}); '
                'file and index do not belong together') from error


class ModelParallelFiles:
    """The same names in every file, each holding its slice of the tensor."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._shards = [_named(path) for path in paths]
        for path, shard in zip(paths, self._shards, strict=True):
            missing = set(self._shards[0]) ^ set(shard)
            if missing:
                raise CheckpointError(
                    f'{path} and {paths[0]} do not hold the same tensors '
                    f'(differing: {sorted(missing)[:3]}); they are shards of '
                    'two different checkpoints')

    def names(self) -> list[str]:
        """All names there are."""
        return list(self._shards[0])

    def read(self, name: str) -> list[Tensor]:
        """One part per file, in the order of the files."""
        return [check_weight(shard[name], name) for shard in self._shards]


def _named(path: Path) -> Mapping[str, Any]:
    """A ``torch.save`` file whose keys are all names.

    Raises:
        CheckpointError: If some are not.
    """
    held = open_torch(path)
    if not all(isinstance(name, str) for name in held):
        raise CheckpointError(
            f'{path} is not a dictionary of tensors by name: save the state '
            'dict of the model')
    return held


def _mapped_tensor(opened: Any, name: str) -> Tensor:
    """The mapped tensor; a copy where its address is not aligned.

    Files written before safetensors padded its headers may have such.
    """
    refuse_dtype(name, opened.get_slice(name).get_dtype(), 'the checkpoint')
    tensor = opened.get_tensor(name)
    aligned = tensor.data_ptr() % tensor.element_size() == 0
    return tensor if aligned else tensor.clone()


def safetensors_files(paths: Mapping[str, Path]) -> MappedFiles:
    """Tensors in ``.safetensors`` files, given name -> file."""
    return MappedFiles(paths, open_safetensors, _mapped_tensor)


def torch_files(paths: Mapping[str, Path]) -> MappedFiles:
    """Tensors in ``torch.save`` files, given name -> file."""
    return MappedFiles(paths, open_torch,
                       lambda held, name: check_weight(held[name], name))


def single_torch_file(path: Path) -> MappedFiles:
    """Tensors in one ``torch.save`` file."""
    return torch_files(dict.fromkeys(_named(path), path))


def single_safetensors_file(path: Path) -> MappedFiles:
    """Tensors in one ``.safetensors`` file."""
    with open_safetensors(path) as opened:
        return safetensors_files(dict.fromkeys(opened.keys(), path))
