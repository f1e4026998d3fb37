"""Our own file of one or a few blocks: safetensors with metadata.

``layers.31.attn.q.weight`` and so on, in our names; the metadata says what
it is. The same content, as plain dictionaries, also travels inside a
published checkpoint (``frozen_llm``).
"""

import json
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

from safetensors.torch import save_file
from torch import Tensor

from lm4ve_mm.utils.files import replacing
from ..errors import CheckpointError
from .identity import digest
from .tensor_files import open_safetensors, open_torch

FORMAT = 'lm4ve_mm.block/1'
PUBLISHED_KEY = 'frozen_llm'
_REQUIRED = ('format', 'family', 'source', 'layers', 'num_layers', 'geometry',
             'dtype', 'sha256')


def make_metadata(family: str, source: str, layers: Tuple[int, ...],
                  num_layers: int, geometry: dict, dtype: str,
                  parts: Mapping[str, Mapping[str, Tensor]]) -> Dict[str, str]:
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
        parts: Mapping[str, Mapping[str, Tensor]]) -> Dict[str, Tensor]:
    """``{'31': {'attn.q.bias': t}}`` -> ``{'layers.31.attn.q.bias': t}``."""
    flat = {}
    for part, tensors in parts.items():
        prefix = 'final_norm.' if part == 'final_norm' else f'layers.{part}.'
        for name, tensor in tensors.items():
            flat[prefix + name] = tensor.contiguous()
    return flat


def write_block_file(path: Path, metadata: Dict[str, str],
                     tensors: Dict[str, Tensor]) -> None:
    """Write the file, all of it or none."""
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


class BlockFile:
    """Blocks that were written by us.

    Args:
        path: A ``.safetensors`` file of :func:`write_block_file`, or a
            ``.pth`` checkpoint published with its blocks.

    Raises:
        CheckpointError: If the file is of another kind, or was damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        metadata, self._names, self._get = self._open(path)
        missing = [key for key in _REQUIRED if key not in (metadata or {})]
        if missing or metadata['format'] != FORMAT:
            raise CheckpointError(
                f'{path} is not a block file of ours (no {missing or FORMAT} '
                'in its metadata). For a whole language model give the folder '
                'with its config.json or params.json, or extract a block: '
                'python tools/model_converters/extract_llm_block.py FOLDER '
                'OUT.safetensors')
        self.family = metadata['family']
        self.source = metadata['source']
        self.layers: List[int] = json.loads(metadata['layers'])
        self.num_layers = int(metadata['num_layers'])
        self.geometry: dict = json.loads(metadata['geometry'])
        self._digests: Dict[str, str] = json.loads(metadata['sha256'])

    @staticmethod
    def _open(path: Path):
        if path.suffix == '.safetensors':
            opened = open_safetensors(path)
            return opened.metadata(), list(opened.keys()), opened.get_tensor
        held = open_torch(path).get(PUBLISHED_KEY)
        if held is None:
            raise CheckpointError(
                f'{path} carries no language-model block: publish it with '
                'tools/model_converters/publish_model.py --with-llm')
        return held['metadata'], list(held['tensors']), held[
            'tensors'].__getitem__

    def read(self, part: str) -> Optional[Dict[str, Tensor]]:
        """Tensors of a layer (its index as text) or of ``final_norm``.

        Returns:
            Name within the part -> tensor; None if the file lacks the part.

        Raises:
            CheckpointError: If the bytes are not those that were written.
        """
        prefix = 'final_norm.' if part == 'final_norm' else f'layers.{part}.'
        tensors = {
            name[len(prefix):]: self._get(name)
            for name in self._names if name.startswith(prefix)
        }
        if not tensors:
            return None
        found, wanted = digest([tensors]), self._digests.get(part)
        if found != wanted:
            raise CheckpointError(
                f'{self.path}: the tensors of {part} have sha256 {found}, the '
                f'metadata says {wanted}. The file was damaged or edited: '
                'extract it again')
        return tensors
