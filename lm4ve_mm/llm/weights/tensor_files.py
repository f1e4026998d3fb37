"""Files of tensors: which there are, and how to read one tensor of them.

Nothing here knows about language models. Files are mapped, not read, so that
a tensor nobody asks for costs nothing; pickles are opened with
``weights_only=True`` and never otherwise.
"""

import json
import os
import pickle
from argparse import Namespace
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Protocol, Sequence

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import CheckpointError, CheckpointNotFoundError


class TensorSource(Protocol):
    """Tensors by name, wherever they lie."""

    def names(self) -> List[str]:
        """All names there are."""

    def read(self, name: str) -> List[Tensor]:
        """The tensor, in as many parts as a model-parallel file has."""


def _size(path: Path) -> str:
    return f'{path.stat().st_size:,} bytes'


def read_json(path: Path) -> dict:
    """Read a JSON file.

    Raises:
        CheckpointError: If it is not JSON; the message names file and place.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f'{path} is not valid JSON ({error}); it may have been cut off '
            'while downloading: fetch it again') from error


def open_safetensors(path: Path):
    """Open a ``.safetensors`` file without reading its tensors.

    Its tensors are views of a private mapping: pages are read when touched
    and shared by all processes; what is written into a tensor goes to a copy
    of the page and never to the file.

    Raises:
        CheckpointError: If it is truncated or of another format.
    """
    try:
        return safe_open(str(path), framework='pt', device='cpu')
    except SafetensorError as error:
        raise CheckpointError(
            f'{path} ({_size(path)}) is truncated or not a safetensors file '
            f'({error}): fetch it again') from error


def open_torch(path: Path) -> Mapping:
    """Open a ``torch.save`` file, its tensors mapped and not read.

    Besides tensors and plain values it may hold ``argparse.Namespace``, a bag
    of values, as which many a training script saves its arguments.

    Raises:
        CheckpointError: If it is truncated, of the old format that cannot be
            mapped, or holds more than tensors and plain values.
    """
    try:
        with torch.serialization.safe_globals([Namespace]):
            return torch.load(
                path, map_location='cpu', mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f'{path} holds Python objects besides tensors, which could run '
            f'code, and is not opened ({str(error).splitlines()[0]}). If you '
            'trust it, re-save its state dict alone with torch.save'
        ) from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(
            f'{path} ({_size(path)}) cannot be read: it is truncated, or '
            f'not a torch zip file ({str(error).splitlines()[0]}). Fetch it '
            'again; a file from before torch 1.6 has to be re-saved once with '
            'torch.save') from error


class MappedFiles:
    """Tensors spread over files, each in exactly one of them.

    Args:
        files: Tensor name -> file.
        opener: Opens a file; the result is asked for tensors by ``getter``.
        getter: ``getter(opened, name)`` gives the tensor.
    """

    def __init__(self, files: Dict[str, Path], opener: Callable,
                 getter: Callable) -> None:
        self._files = files
        self._opener = opener
        self._getter = getter
        self._opened: Dict[Path, object] = {}

    def names(self) -> List[str]:
        """All names there are, also of files that were not opened."""
        return list(self._files)

    def absent(self, names: Sequence[str]) -> List[Path]:
        """Those of the files of ``names`` that are not there."""
        paths = {self._files[name] for name in names}
        return sorted(path for path in paths if not path.is_file())

    def read(self, name: str) -> List[Tensor]:
        """The tensor, as a list of one.

        Raises:
            CheckpointNotFoundError: If the index names a file that is absent.
            CheckpointError: If the file is broken or lacks the tensor.
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
        self._shards = [open_torch(path) for path in paths]
        for path, shard in zip(paths, self._shards, strict=True):
            missing = set(self._shards[0]) ^ set(shard)
            if missing:
                raise CheckpointError(
                    f'{path} and {paths[0]} do not hold the same tensors '
                    f'(differing: {sorted(missing)[:3]}); they are shards of '
                    'two different checkpoints')

    def names(self) -> List[str]:
        """All names there are."""
        return list(self._shards[0])

    def read(self, name: str) -> List[Tensor]:
        """One part per file, in the order of the files."""
        return [shard[name] for shard in self._shards]


def _aligned_tensor(opened, name: str) -> Tensor:
    """The mapped tensor; a copy where it starts at an odd address.

    Files written before safetensors padded its headers may have such.
    """
    tensor = opened.get_tensor(name)
    aligned = tensor.data_ptr() % tensor.element_size() == 0
    return tensor if aligned else tensor.clone()


def safetensors_files(paths: Dict[str, Path]) -> MappedFiles:
    """Tensors in ``.safetensors`` files, given name -> file."""
    return MappedFiles(paths, open_safetensors, _aligned_tensor)


def torch_files(paths: Dict[str, Path]) -> MappedFiles:
    """Tensors in ``torch.save`` files, given name -> file."""
    return MappedFiles(paths, open_torch, lambda opened, name: opened[name])


def indexed(folder: Path, index: str) -> Dict[str, Path]:
    """Tensor name -> file, as an index of Hugging Face says.

    Raises:
        CheckpointError: If it is no such index.
    """
    weight_map = read_json(folder / index).get('weight_map')
    if not isinstance(weight_map, dict):
        raise CheckpointError(f"{folder / index} has no 'weight_map'")
    return {name: folder / file for name, file in weight_map.items()}


def open_folder(folder: Path) -> TensorSource:
    """Find the tensors of a Hugging Face or Meta folder.

    Raises:
        CheckpointNotFoundError: If it has none of the known files.
    """
    single, index = 'model.safetensors', 'model.safetensors.index.json'
    if (folder / index).is_file():
        return safetensors_files(indexed(folder, index))
    if (folder / single).is_file():
        with open_safetensors(folder / single) as opened:
            names = list(opened.keys())
        return safetensors_files({name: folder / single for name in names})
    single, index = 'pytorch_model.bin', 'pytorch_model.bin.index.json'
    if (folder / index).is_file():
        return torch_files(indexed(folder, index))
    if (folder / single).is_file():
        names = list(open_torch(folder / single))
        return torch_files({name: folder / single for name in names})
    shards = sorted(folder.glob('consolidated.*.pth'))
    if shards:
        return ModelParallelFiles(shards)
    raise CheckpointNotFoundError(
        f'{folder} has a configuration but no weights: expected '
        'model.safetensors, model.safetensors.index.json, pytorch_model.bin, '
        'pytorch_model.bin.index.json or consolidated.*.pth; found '
        f'{", ".join(sorted(os.listdir(folder))) or "nothing"}')
