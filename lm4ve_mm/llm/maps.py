"""The two trainable maps between the host's width and the block's."""

import math
from typing import Callable, Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_STD = 0.02


def _truncated_normal(weight: Tensor) -> None:
    nn.init.trunc_normal_(weight, std=_STD)


def _torch_default(weight: Tensor) -> None:
    # What nn.Linear does: uniform within 1 / sqrt(fan in).
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))


Init = Callable[[Tensor], None]

# Name -> (map in, map out). 'trunc_normal' is the paper's for images,
# 'default' for video and points.
MAP_INITS: Dict[str, Tuple[Init, Init]] = dict(
    trunc_normal=(_truncated_normal, _truncated_normal),
    default=(_torch_default, _torch_default),
    xavier=(nn.init.xavier_uniform_, nn.init.xavier_uniform_),
    zero_output=(_truncated_normal, nn.init.zeros_))


class LinearMap(nn.Module):
    """A trainable linear map that a host's initialiser leaves alone.

    It does not inherit from ``nn.Linear``, so that ``init_cfg`` rules of the
    host's recipe do not replace the initialisation chosen here.

    Args:
        in_dims: Width of the incoming tokens.
        out_dims: Width of the outgoing tokens.
        bias: Whether to add a bias, zero at the start.
        init: Fills the weight.
    """

    def __init__(self, in_dims: int, out_dims: int, bias: bool,
                 init: Init) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_dims, in_dims))
        self.bias = nn.Parameter(torch.zeros(out_dims)) if bias else None
        init(self.weight.data)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dims) to (..., out_dims)."""
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Widths, as ``nn.Linear`` shows them."""
        out_dims, in_dims = self.weight.shape
        return f'{in_dims}, {out_dims}, bias={self.bias is not None}'


def build_maps(embed_dims: int,
               width: int,
               bias: bool = False,
               init: str = 'trunc_normal') -> Tuple[LinearMap, LinearMap]:
    """The maps of a layer: host width -> block width, and back.

    Args:
        embed_dims: The host's width.
        width: The block's width.
        bias: Whether both have a bias. The paper has none.
        init: A key of ``MAP_INITS``.

    Raises:
        ValueError: If ``init`` is unknown.
    """
    if init not in MAP_INITS:
        raise ValueError(f'map_init={init!r} is unknown; known: '
                         f'{", ".join(MAP_INITS)}')
    init_in, init_out = MAP_INITS[init]
    return (LinearMap(embed_dims, width, bias, init_in),
            LinearMap(width, embed_dims, bias, init_out))
