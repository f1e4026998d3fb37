"""Blocks as they were read, and the type they are stored in."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..block.geometry import BlockGeometry
from ..errors import CheckpointError
from .identity import BlockIdentity, digest

DTYPES: dict[str, torch.dtype | None] = dict(
    auto=None,
    float32=torch.float32,
    bfloat16=torch.bfloat16,
    float16=torch.float16)


@dataclass(frozen=True)
class Blocks:
    """Blocks as they were read: everything to build and to identify them.

    Args:
        family: Name of the family.
        source: Name of the checkpoint.
        layers: Indices of the blocks in the language model.
        num_layers: How many blocks that language model has.
        geometry: Shape of each block.
        tensors: Per block, our tensor name -> tensor.
        final_norm: Tensors of the norm after the last block, where known.
    """

    family: str
    source: str
    layers: tuple[int, ...]
    num_layers: int
    geometry: BlockGeometry
    tensors: list[dict[str, Tensor]]
    final_norm: dict[str, Tensor] | None

    @property
    def dtype(self) -> str:
        """Type of the stored weights, such as ``float16``."""
        first = next(iter(self.tensors[0].values()))
        return str(first.dtype).partition('.')[2]

    def identity(self) -> BlockIdentity:
        """Name and digest of the blocks, the final norm not included."""
        return BlockIdentity(self.family, self.source, self.layers, self.dtype,
                             digest(self.tensors))


def _all_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite.

    The extremes tell, since NaN is passed on by them: one pass that
    allocates nothing, where ``isfinite`` makes several copies.
    """
    return not tensor.numel() or bool(
        torch.isfinite(torch.stack(tensor.aminmax())).all())


def _convert(tensor: Tensor, dtype: torch.dtype | None, name: str) -> Tensor:
    """Change the storage type; refuse values that are not finite."""
    if not _all_finite(tensor):
        raise CheckpointError(f'{name} holds NaN or infinite values: the '
                              'file is damaged, fetch it again')
    if dtype is None or tensor.dtype == dtype:
        return tensor
    converted = tensor.to(dtype)
    if not _all_finite(converted):
        raise CheckpointError(f"{name} overflows {dtype}; use dtype='auto', "
                              "'bfloat16' or 'float32'")
    return converted


def store_as(blocks: Blocks, dtype: str) -> Blocks:
    """The same blocks in another storage type, all values checked.

    Args:
        blocks: What was read.
        dtype: A key of ``DTYPES``; ``'auto'`` leaves the type as it is.

    Raises:
        CheckpointError: If the type is unknown or a value is not finite.
    """
    if dtype not in DTYPES:
        raise CheckpointError(
            f'dtype={dtype!r} is unknown; known: {", ".join(DTYPES)}')

    def convert(tensors: dict[str, Tensor], where: str) -> dict[str, Tensor]:
        return {
            name: _convert(tensor, DTYPES[dtype],
                           f'{blocks.source!r}, {where}: tensor {name}')
            for name, tensor in tensors.items()
        }

    norm = blocks.final_norm and convert(blocks.final_norm, 'final norm')
    tensors = [
        convert(block, f'layer {layer}')
        for layer, block in zip(blocks.layers, blocks.tensors, strict=True)
    ]
    return replace(blocks, tensors=tensors, final_norm=norm)
