"""The two trainable maps between the host's width and the block's."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .errors import BlockMismatchError
from .lora import LoRA
from .weights.identity import digest

_STD = 0.02
Generator = torch.Generator | None


def _truncated_normal(weight: Tensor, generator: Generator = None) -> None:
    nn.init.trunc_normal_(weight, std=_STD, generator=generator)


def _torch_default(weight: Tensor, generator: Generator = None) -> None:
    # What nn.Linear does: uniform within 1 / sqrt(fan in).
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)


def _xavier(weight: Tensor, generator: Generator = None) -> None:
    nn.init.xavier_uniform_(weight, generator=generator)


def _zeros(weight: Tensor, generator: Generator = None) -> None:
    nn.init.zeros_(weight)


Init = Callable[[Tensor, Generator], None]

# Name -> (map in, map out). 'trunc_normal' is the paper's for images,
# 'default' for video and points.
MAP_INITS: dict[str, tuple[Init, Init]] = dict(
    trunc_normal=(_truncated_normal, _truncated_normal),
    default=(_torch_default, _torch_default),
    xavier=(_xavier, _xavier),
    zero_output=(_truncated_normal, _zeros))


class LinearMap(nn.Module):
    """A trainable linear map that a host's initialiser leaves alone.

    It does not inherit from ``nn.Linear``, so that ``init_cfg`` rules of the
    host's recipe do not replace the initialisation chosen here.

    Args:
        in_dims: Width of the incoming tokens.
        out_dims: Width of the outgoing tokens.
        bias: Whether to add a bias, zero at the start.
        init: Fills the weight.
        generator: What it draws from; None is torch's own.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self,
                 in_dims: int,
                 out_dims: int,
                 bias: bool,
                 init: Init,
                 generator: Generator = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_dims, in_dims))
        self.bias = nn.Parameter(torch.zeros(out_dims)) if bias else None
        init(self.weight.data, generator)

    @property
    def matrix(self) -> Tensor:
        """The whole weight, (out_dims, in_dims)."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dims) to (..., out_dims)."""
        return F.linear(x, self.matrix, self.bias)

    def extra_repr(self) -> str:
        """Widths, as ``nn.Linear`` shows them."""
        out_dims, in_dims = self.weight.shape
        return f'{in_dims}, {out_dims}, bias={self.bias is not None}'


class LowRankMap(LinearMap):
    """A map whose weight is drawn once and frozen; its LoRA is trained.

    The weight is not saved: the seed draws it again, and a saved digest tells
    whether it is the same. A bias, if asked for, is trained and saved.

    Args:
        in_dims, out_dims, bias, init: As in :class:`LinearMap`.
        lora: Rank and scale of the update.
        generator: Draws the weight.
    """

    drawn: Tensor

    def __init__(self, in_dims: int, out_dims: int, bias: bool, init: Init,
                 lora: LoRA, generator: torch.Generator) -> None:
        super().__init__(in_dims, out_dims, bias, init, generator)
        weight = self.weight.detach()
        del self.weight
        self.register_buffer('weight', weight, persistent=False)
        self.lora = lora.attach(in_dims, out_dims)
        self.register_buffer('drawn', self._hash())

    def _hash(self) -> Tensor:
        """sha256 of the weight as 32 bytes, which travel in a state dict."""
        held = bytes.fromhex(digest([dict(weight=self.weight)]))
        return torch.tensor(list(held), dtype=torch.uint8)

    def is_intact(self) -> bool:
        """Whether the weight is what was drawn."""
        return torch.equal(self._hash(), self.drawn.cpu())

    @property
    def matrix(self) -> Tensor:
        """The frozen weight and its update, (out_dims, in_dims)."""
        return self.weight + self.lora.product()

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor],
                              prefix: str, *args: Any) -> None:
        """Refuse an update of a map that was drawn otherwise."""
        drawn = state_dict.get(f'{prefix}drawn')
        if drawn is not None and not torch.equal(drawn.cpu(),
                                                 self.drawn.cpu()):
            raise BlockMismatchError(
                f'These weights update another {prefix[:-1]}: set llm.seed '
                'and llm.map_init, which it is drawn by, as in training')
        super()._load_from_state_dict(state_dict, prefix, *args)


def build_maps(embed_dims: int,
               width: int,
               bias: bool = False,
               init: str = 'trunc_normal',
               lora: LoRA | None = None,
               seed: int = 0) -> tuple[LinearMap, LinearMap]:
    """The maps of a layer: host width -> block width, and back.

    Args:
        embed_dims: The host's width.
        width: The block's width.
        bias: Whether both have a bias. The paper has none.
        init: A key of ``MAP_INITS``.
        lora: If ``map_in`` or ``map_out`` are among its targets, that map is
            a :class:`LowRankMap`.
        seed: Draws the weights of such maps.

    Raises:
        ValueError: If ``init`` is unknown.
    """
    if init not in MAP_INITS:
        raise ValueError(f'map_init={init!r} is unknown; known: '
                         f'{", ".join(MAP_INITS)}')
    shapes = dict(map_in=(embed_dims, width), map_out=(width, embed_dims))
    generator = torch.Generator().manual_seed(seed)
    maps: list[LinearMap] = []
    for (name, shape), fill in zip(
            shapes.items(), MAP_INITS[init], strict=True):
        if lora is None or name not in lora.targets:
            maps.append(LinearMap(*shape, bias, fill))
        else:
            maps.append(LowRankMap(*shape, bias, fill, lora, generator))
    return maps[0], maps[1]
