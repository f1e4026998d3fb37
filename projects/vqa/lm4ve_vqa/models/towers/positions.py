"""Tables of positions, brought to another image size when they are read."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def _square(length: int, what: str) -> int:
    """Side of a square.

    Raises:
        ValueError: If it is none.
    """
    side = math.isqrt(length)
    if side * side != length:
        raise ValueError(f'{what}: {length} entries are no square')
    return side


def _resize(grid: Tensor, side: int) -> Tensor:
    """(n * n, C) -> (side * side, C), bicubic as in METER."""
    old = _square(len(grid), 'a table of positions')
    image = grid.T.reshape(1, -1, old, old)
    kept = image if image.dtype.itemsize > 2 else image.float()
    resized = functional.interpolate(
        kept, size=(side, side), mode='bicubic', align_corners=False)
    return resized.flatten(2)[0].T.to(grid)


def resize_positions(table: Tensor, length: int) -> Tensor:
    """Bring a ViT's table to another number of patches.

    Args:
        table: (1 + n * n, C), that of the class token first, which stays.
        length: 1 + m * m.

    Returns:
        Tensor: (length, C).

    Raises:
        ValueError: If either is no square beside the class token.
    """
    if len(table) == length:
        return table
    grid = _resize(table[1:], _square(length - 1, 'the model'))
    return torch.cat([table[:1], grid])


def resize_bias(table: Tensor, length: int) -> Tensor:
    """Bring Swin's table of relative positions to another window.

    Args:
        table: ((2 w - 1)^2, heads).
        length: (2 v - 1)^2.

    Returns:
        Tensor: (length, heads).

    Raises:
        ValueError: If either is no square.
    """
    if len(table) == length:
        return table
    return _resize(table, _square(length, 'the model'))
