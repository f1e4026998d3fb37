"""Which block this is: a digest of its values, and where they came from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

# Values hashed at a time: 1 MB as float32, which stays in the CPU cache.
_CHUNK = 1 << 18


def to_tensor(values: Mapping[str, Any]) -> Tensor:
    """Plain values as bytes, so that they travel in any state dict."""
    text = json.dumps(values, sort_keys=True)
    return torch.tensor(list(text.encode()), dtype=torch.uint8)


def from_tensor(data: Tensor) -> dict[str, Any]:
    """Inverse of :func:`to_tensor`."""
    return json.loads(bytes(data.cpu().tolist()).decode())


@dataclass(frozen=True)
class BlockIdentity:
    """Name, place and digest of the blocks that a layer holds.

    Args:
        family: Family of the language model, such as ``llama``.
        source: Name of the checkpoint they were read from, without its path.
        layers: Their indices in the language model, first to last.
        dtype: Type they are stored in, such as ``float16``.
        sha256: :func:`digest` of their tensors.
    """

    family: str
    source: str
    layers: tuple[int, ...]
    dtype: str
    sha256: str

    def __str__(self) -> str:
        layers = ', '.join(str(index) for index in self.layers)
        return (f'{self.family} block from {self.source!r}, layer {layers}, '
                f'{self.dtype}, sha256 {self.sha256[:16]}')

    def to_dict(self) -> dict:
        """Plain values, for a checkpoint's metadata."""
        return {**asdict(self), 'layers': list(self.layers)}

    def to_tensor(self) -> Tensor:
        """The identity as bytes, so that it travels in any state dict."""
        return to_tensor(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'BlockIdentity':
        """Inverse of :meth:`to_dict`."""
        return cls(**{**values, 'layers': tuple(values['layers'])})

    @classmethod
    def from_tensor(cls, data: Tensor) -> 'BlockIdentity':
        """Inverse of :meth:`to_tensor`."""
        return cls.from_dict(from_tensor(data))


def digest(blocks: Sequence[Mapping[str, Tensor]]) -> str:
    """sha256 of names, shapes and values of the blocks' tensors.

    Values are hashed as float32: the digest does not change when a block is
    stored in a wider type (float16 kept as float32 is the same function), and
    does change when a narrower one rounds it.

    Args:
        blocks: One mapping of name to tensor per block, in order.
    """
    state = hashlib.sha256()
    buffer = torch.empty(_CHUNK, dtype=torch.float32, device='cpu')
    for index, tensors in enumerate(blocks):
        for name in sorted(tensors):
            tensor = tensors[name].detach()
            header = f'{index}.{name}:{list(tensor.shape)};'
            state.update(header.encode())
            for part in tensor.reshape(-1).split(_CHUNK):
                values = buffer[:part.numel()].copy_(part)
                state.update(values.numpy().view('uint8').data)
    return state.hexdigest()
