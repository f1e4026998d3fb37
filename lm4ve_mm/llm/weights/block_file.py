"""Our own file of one or a few blocks: safetensors with metadata.

``layers.31.attn.q.weight`` and so on, in our names; the metadata says what
it is. The same content, as plain dictionaries, also travels inside a
published checkpoint (``frozen_llm``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from lm4ve_mm.utils.files import replacing

from ..errors import CheckpointError
from .families import BLOCK_FILE
from .identity import digest
from .pickles import open_torch
from .tensor_files import (
    HeldTensors,
    TensorSource,
    open_safetensors,
    single_safetensors_file,
)

FORMAT = BLOCK_FILE.config_file
PUBLISHED_KEY = 'frozen_llm'
_REQUIRED = ('format', 'family', 'source', 'layers', 'num_layers', 'geometry',
             'dtype', 'sha256')


def make_metadata(family: str, source: str, layers: tuple[int, ...],
                  num_layers: int, geometry: dict, dtype: str,
                  parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, str]:
    """Metadata of a block file; safetensors wants every value as a string.

    Args:
        family, source, layers, num_layers, geometry, dtype: Of the blocks.
        parts: Layer index (as text) or ``final_norm`` -> its tensors.
    """
    return dict(
        format=FORMAT,
        family=family,
        source=source,
        layers=json.dumps(list(layers)),
        num_layers=str(num_layers),
        geometry=json.dumps(geometry),
        dtype=dtype,
        sha256=json.dumps({
            name: digest([tensors])
            for name, tensors in parts.items()
        }))


def flatten_parts(
        parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """``{'31': {'attn.q.bias': t}}`` -> ``{'layers.31.attn.q.bias': t}``."""
    flat = {}
    for part, tensors in parts.items():
        for name, tensor in tensors.items():
            flat[_prefix(part) + name] = tensor.contiguous()
    return flat


def _prefix(part: str) -> str:
    return 'final_norm.' if part == 'final_norm' else f'layers.{part}.'


def write_block_file(path: Path, metadata: dict[str, str],
                     tensors: dict[str, Tensor]) -> None:
    """Write the file, all of it or none."""
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


class BlockFile:
    """Blocks that were written by us, a source like a folder.

    Args:
        path: A ``.safetensors`` file of :func:`write_block_file`, or a
            ``.pth`` checkpoint published with its blocks.

    Raises:
        CheckpointError: If the file is of another kind, or was damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        metadata, self._tensors = _open(path)
        missing = [key for key in _REQUIRED if key not in metadata]
        if missing or metadata['format'] != FORMAT:
            raise CheckpointError(
                f'{path} is not a block file of ours (no {missing or FORMAT} '
                'in its metadata). For a whole language model give the folder '
                'with its config.json or params.json, or extract a block: '
                'python tools/model_converters/extract_llm_block.py FOLDER '
                'OUT.safetensors')
        self._metadata = dict(metadata)
        try:
            for key in ('layers', 'num_layers', 'geometry', 'sha256'):
                self._metadata[key] = json.loads(metadata[key])
        except (TypeError, ValueError) as error:
            raise CheckpointError(
                f'{path} has metadata that cannot be read ({error}): extract '
                'it again') from error

    def __str__(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        """Name of the checkpoint that the blocks were read from."""
        return self._metadata['source']

    def config(self) -> tuple[dict[str, Any], str]:
        """The metadata, and the format that it is in."""
        return self._metadata, FORMAT

    def open(self, layers: Sequence[int]) -> TensorSource:
        """The tensors, those of the layers and of the final norm checked.

        Raises:
            CheckpointError: If a layer is not in the file, or the bytes are
                not those that were written.
        """
        held = self._metadata['layers']
        for layer in layers:
            if layer not in held:
                raise CheckpointError(
                    f'{self} holds layers {held} of the '
                    f'{self._metadata["num_layers"]} of {self.name!r}, not '
                    f'layer {layer}: set layers={tuple(held)}, or extract '
                    'that layer')
        for part in (*map(str, layers), 'final_norm'):
            self._check_digest(part)
        return self._tensors

    def _check_digest(self, part: str) -> None:
        prefix = _prefix(part)
        tensors = {
            name[len(prefix):]: self._tensors.read(name)[0]
            for name in self._tensors.names() if name.startswith(prefix)
        }
        wanted = self._metadata['sha256'].get(part)
        if not tensors and wanted is None:
            return  # no final norm
        found = digest([tensors])
        if found != wanted:
            raise CheckpointError(
                f'{self}: the tensors of {part} have sha256 {found}, the '
                f'metadata says {wanted}. The file was damaged or edited: '
                'extract it again')

    def check_sha256(self, expected: str) -> None:
        """Refuse: the file is checked against its own metadata.

        Raises:
            CheckpointError: Always.
        """
        raise CheckpointError(
            f'file_sha256 is that of a whole model, {self} is one file of '
            'its own, which is checked against its own metadata: set '
            'file_sha256=None in the llm config')


def _open(path: Path) -> tuple[Mapping[str, Any], TensorSource]:
    """Metadata and tensors of a file.

    Raises:
        CheckpointError: If it carries no block.
    """
    folder = f'A whole language model is given by its folder, {path.parent}'
    if path.suffix == '.json':
        raise CheckpointError(f'{path} is a file of settings. {folder}')
    if path.suffix == '.safetensors':
        with open_safetensors(path) as opened:
            return opened.metadata() or {}, single_safetensors_file(path)
    held = open_torch(path).get(PUBLISHED_KEY)
    if held is None:
        raise CheckpointError(
            f'{path} carries no language-model block. {folder}; a checkpoint '
            'of ours is published with its block by '
            'tools/model_converters/publish_model.py --with-llm')
    try:
        return dict(held['metadata']), HeldTensors(dict(held['tensors']))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f'{path} carries a block that cannot be read ({error!r}): '
            'publish it again') from error
