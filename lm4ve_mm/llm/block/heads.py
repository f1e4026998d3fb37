"""Linear maps of one head at a time, forwards and back."""

import torch
from torch import Tensor


def heads_forward(weight: Tensor, x: Tensor) -> Tensor:
    """What the rows of each head group make of that group's own input.

    Args:
        weight: (groups * head_dim, width).
        x: (B, K, groups, heads per group, width).

    Returns:
        (B, K, groups, heads per group, head_dim).
    """
    weight = weight.unflatten(0, (x.shape[2], -1))
    return torch.einsum('bkguw,gdw->bkgud', x, weight)


def heads_back(weight: Tensor, x: Tensor) -> Tensor:
    """Transpose of :func:`heads_forward`.

    Args:
        weight: (groups * head_dim, width).
        x: (B, K, groups, heads per group, head_dim).

    Returns:
        (B, K, groups, heads per group, width).
    """
    weight = weight.unflatten(0, (x.shape[2], -1))
    return torch.einsum('bkgud,gdw->bkguw', x, weight)
