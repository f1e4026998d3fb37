"""Which type a product or a statistic is computed in."""

import torch
from torch import Tensor


def compute_like(weight: Tensor, x: Tensor) -> Tensor:
    """``weight`` in the type that ``x`` is computed in.

    Under autocast nothing is done: autocast itself casts both.
    """
    if weight.dtype == x.dtype or torch.is_autocast_enabled(x.device.type):
        return weight
    return weight.to(x.dtype)


def at_least_fp32(x: Tensor) -> Tensor:
    """``x`` in fp32, or unchanged where its type is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
