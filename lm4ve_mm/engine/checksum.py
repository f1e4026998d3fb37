"""A checksum of frozen tensors that is cheap enough for every checkpoint."""

from collections.abc import Iterable

import torch
from torch import Tensor

# Integers that hold the bits of a value, by its size in bytes.
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# Values at a time, so that 64-bit copies stay small: 16 MB.
_CHUNK = 1 << 21


def checksum(tensors: Iterable[Tensor]) -> list[tuple]:
    """Types, shapes and a weighted sum of the bits of each tensor.

    Every value counts, with a weight by its place, so that a single changed
    or moved value shows. It is computed where the tensors are, in integers:
    milliseconds on a GPU for a block of 200 million values, whose sha256
    takes a second. It catches accidents; the digest is the proof.

    Args:
        tensors: Of any type, on any device.

    Returns:
        list: One tuple per tensor, to be compared with ``==``.
    """
    held = [tensor.detach() for tensor in tensors]
    sums = [_weighted_sum(tensor) for tensor in held]
    # One wait for the device, not one per tensor.
    numbers = (torch.stack([number.to(sums[0].device) for number in sums])
               .tolist() if sums else [])
    return [(str(tensor.dtype), tuple(tensor.shape), number)
            for tensor, number in zip(held, numbers, strict=True)]


def _weighted_sum(tensor: Tensor) -> Tensor:
    """Sum of bits times an odd weight by place, modulo 2 ** 64."""
    if tensor.dtype == torch.bool:
        tensor = tensor.to(torch.uint8)
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    bits = tensor.contiguous().reshape(-1).view(_BITS[tensor.element_size()])
    total = torch.zeros((), dtype=torch.int64, device=tensor.device)
    weights = 1 + 2 * torch.arange(
        min(_CHUNK, bits.numel()), device=tensor.device)
    for part in bits.split(_CHUNK):
        # The place of a chunk counts too.
        total = total * 31 + (part.long() * weights[:part.numel()]).sum()
    return total
