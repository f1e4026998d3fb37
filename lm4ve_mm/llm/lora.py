"""Low-rank updates of frozen weights (arXiv 2106.09685)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block.heads import heads_back, heads_forward
from .block.linear import PretrainedLinear
from .errors import BlockMismatchError

MAP_TARGETS = ('map_in', 'map_out')


class LowRank(nn.Module):
    """``alpha / rank * up @ down``, which is added to a frozen weight.

    ``up`` starts at zero, so that nothing changes before training. The scale
    is saved beside both, since they mean another update under another one.

    Args:
        in_dims: Columns of the weight.
        out_dims: Rows of the weight.
        rank: Rank of the update.
        alpha: Its scale is ``alpha / rank``.
    """

    def __init__(self, in_dims: int, out_dims: int, rank: int,
                 alpha: float) -> None:
        super().__init__()
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, in_dims))
        self.up = nn.Parameter(torch.zeros(out_dims, rank))
        self.register_buffer('saved_scale', torch.tensor(self.scale))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dims) to (..., out_dims)."""
        return F.linear(F.linear(x, self.down), self.up) * self.scale

    def product(self) -> Tensor:
        """The update itself, (out_dims, in_dims)."""
        return self.up @ self.down * self.scale

    def times(self, matrix: Tensor) -> Tensor:
        """The update times (in_dims, C)."""
        return self.up @ (self.down @ matrix) * self.scale

    def heads_forward(self, x: Tensor) -> Tensor:
        """See :func:`lm4ve_mm.llm.block.heads.heads_forward`."""
        return heads_forward(self.up, F.linear(x, self.down)) * self.scale

    def heads_back(self, x: Tensor) -> Tensor:
        """See :func:`lm4ve_mm.llm.block.heads.heads_back`."""
        return heads_back(self.up, x) @ self.down * self.scale

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor],
                              prefix: str, *args: Any) -> None:
        """Refuse an update of another rank or scale.

        A loader that is not strict would skip one of another rank with a
        warning; no loader would notice another scale.
        """
        down = state_dict.get(f'{prefix}down')
        scale = state_dict.get(f'{prefix}saved_scale')
        if down is not None and len(down) != len(self.down):
            raise BlockMismatchError(
                f'{prefix[:-1]}: these weights are of rank {len(down)}, this '
                f"model's of rank {len(self.down)}: set lora.rank in its llm "
                'config as it was in training')
        # Checkpoints in half precision round it, bf16 by up to 0.2 %.
        if scale is not None and not math.isclose(
                scale.item(), self.scale, rel_tol=5e-3):
            raise BlockMismatchError(
                f'{prefix[:-1]}: these weights were trained with alpha / rank '
                f'= {scale.item():g}, this model has {self.scale:g}: set '
                'lora.alpha in its llm config as it was in training')
        super()._load_from_state_dict(state_dict, prefix, *args)


class LoRA(NamedTuple):
    """Which maps are updated, and how.

    Args:
        rank: Rank of each update.
        targets: Linear maps of the block (``attn.q``, ``ffn.down``, ...),
            and ``map_in``, ``map_out``.
        alpha: Scale of each update, divided by the rank; None means the
            rank, so that the scale is one.
    """

    rank: int
    targets: tuple[str, ...] = ('attn.q', 'attn.v')
    alpha: float | None = None

    def attach(self, in_dims: int, out_dims: int) -> LowRank:
        """A new update of one weight."""
        alpha = self.rank if self.alpha is None else self.alpha
        return LowRank(in_dims, out_dims, self.rank, alpha)


class UpdatedLinear(PretrainedLinear):
    """A frozen linear map and its update.

    Args:
        tensors: ``weight`` and perhaps ``bias``.
        lora: Rank and scale of the update.

    Attributes:
        lora (LowRank): What is added to the weight.
    """

    def __init__(self, tensors: Mapping[str, Tensor], lora: LoRA) -> None:
        super().__init__(tensors)
        out_dims, in_dims = self.weight.shape
        self.lora = lora.attach(in_dims, out_dims)

    def forward(self, x: Tensor) -> Tensor:
        """See :class:`PretrainedLinear`."""
        return super().forward(x) + self.lora(x)

    def times(self, matrix: Tensor) -> Tensor:
        """See :class:`PretrainedLinear`."""
        return super().times(matrix) + self.lora.times(matrix)

    def heads_forward(self, x: Tensor) -> Tensor:
        """See :class:`PretrainedLinear`."""
        return super().heads_forward(x) + self.lora.heads_forward(x)

    def heads_back(self, x: Tensor) -> Tensor:
        """See :class:`PretrainedLinear`."""
        return super().heads_back(x) + self.lora.heads_back(x)


def read_lora(values: Mapping[str, Any] | None,
              linears: Sequence[str]) -> LoRA | None:
    """Check a config's ``lora``.

    Args:
        values: ``dict(rank=..., targets=..., alpha=...)``, or None.
        linears: Names of the block's linear maps.

    Raises:
        ValueError: If a key or target is unknown, or rank or alpha is not
            positive.
    """
    if values is None:
        return None
    unknown = sorted(set(values) - set(LoRA._fields))
    if unknown or 'rank' not in values:
        raise ValueError(f'lora={dict(values)} should have the keys '
                         f'{", ".join(LoRA._fields)}; rank is required')
    lora = LoRA(**values)
    if isinstance(lora.targets, str):
        raise ValueError(f'lora: targets={lora.targets!r} should be a list of '
                         'names')
    lora = lora._replace(targets=tuple(lora.targets))
    if not isinstance(lora.rank, int) or lora.rank < 1:
        raise ValueError(
            f'lora: rank={lora.rank!r} should be an integer, 1 or more')
    if lora.alpha is not None and lora.alpha <= 0:
        raise ValueError(f'lora: alpha={lora.alpha!r} should be more than 0')
    known = (*linears, *MAP_TARGETS)
    wrong = [target for target in lora.targets if target not in known]
    if wrong or not lora.targets:
        raise ValueError(f'lora: targets={lora.targets} are unknown or none; '
                         f'this block has {", ".join(known)}')
    return lora
