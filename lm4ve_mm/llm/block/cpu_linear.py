"""Products with frozen weights on a CPU.

``F.linear`` in fp32 is MKL's there, which is slow where few tokens meet a
wide weight. oneDNN, which is part of torch, multiplies the same numbers in a
third to half of the time for 8 or 32 tokens and in five sixths for 1,568
(11,008 x 4,096, AMD EPYC with AVX-512, two threads, measured here). Torch
itself uses it only in graphs that it has compiled. Its operator has no
gradient, which for a frozen weight is one more such product.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from .recording import is_recording

_AVAILABLE = (
    torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, '_linear_pointwise'))


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """``x W^T`` by oneDNN: (..., in) and (out, in) -> (..., out)."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, None, 'none', [], '')


if _AVAILABLE:
    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _flops(x: Sequence[int], weight: Sequence[int], *_: Any,
               **__: Any) -> int:
        """Two per multiply-accumulate, for ``FlopCounterMode``."""
        count = 2 * weight[0]
        for size in x:
            count *= size
        return count


class _FrozenProduct(torch.autograd.Function):
    """``x W^T``, differentiable in x as often as wanted."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return _product(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        weight, = ctx.saved_tensors
        return _FrozenProduct.apply(grad, weight.t()), None


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN can be used.

    Not where the weight is trained, where autocast chooses the type, where a
    graph is recorded that others will run, or under ``torch.func``, which
    knows no rules for oneDNN's operator.
    """
    return (_AVAILABLE and not is_recording()
            and bool(torch.backends.mkldnn.enabled)
            and x.device.type == 'cpu' and weight.device.type == 'cpu'
            and x.dtype == weight.dtype == torch.float32
            and not weight.requires_grad and x.numel() > 0
            and not torch.is_autocast_enabled('cpu'))


def frozen_linear(x: Tensor, weight: Tensor,
                  bias: Tensor | None = None) -> Tensor:
    """``F.linear`` for a weight that is not trained.

    Args:
        x: (..., in features).
        weight: (out features, in features).
        bias: (out features, ), or None.

    Returns:
        Tensor: (..., out features), the same up to rounding.
    """
    if not suits(x, weight):
        return F.linear(x, weight, bias)
    if x.requires_grad and torch.is_grad_enabled():
        out = _FrozenProduct.apply(x, weight)
    else:
        out = _product(x, weight)
    return out if bias is None else out + bias
