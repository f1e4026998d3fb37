"""The map in and the projections multiplied with each other, once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..block.attention import Attention
from ..block.heads import heads_back, heads_forward
from ..block.precision import at_least_fp32, compute_like
from ..block.tokens import Keep, take
from ..block.transformer_block import TransformerBlock
from ..maps import LinearMap
from .projections import (
    NormedMap,
    add_heads_bias,
    divide_by_rms,
    normed_map,
    with_ones,
)


class Folded(NamedTuple):
    """Projections and the map in as one matrix each, (rows, C), and a bias.

    Args:
        q, k, v: The matrices.
        q_bias, k_bias, v_bias: (rows, ), or None.
        gram: See :meth:`NormedMap.gram`; None also where nobody asked for it.
        eps: Of the norm in front of attention; None without one.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    q_bias: Tensor | None
    k_bias: Tensor | None
    v_bias: Tensor | None
    gram: Tensor | None = None
    eps: float | None = None

    def query(self, tokens: Tensor) -> Tensor:
        """(B, K, C) -> (B, K, heads * head_dim)."""
        return _apply(tokens, self.q, self.q_bias)

    def key(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, groups * head_dim)."""
        return _apply(tokens, self.k, self.k_bias)

    def value(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, groups * head_dim)."""
        return _apply(tokens, self.v, self.v_bias)

    def keys_back(self, query: Tensor) -> Tensor:
        """See :meth:`TwoSteps.keys_back`."""
        return heads_back(compute_like(self.k, query), query)

    def key_bias(self) -> Tensor | None:
        """See :meth:`TwoSteps.key_bias`."""
        return self.k_bias

    def heads_value(self, average: Tensor, total: Tensor) -> Tensor:
        """See :meth:`TwoSteps.heads_value`."""
        value = heads_forward(compute_like(self.v, average), average)
        return add_heads_bias(value, self.v_bias, total)


def _apply(tokens: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if bias is not None:
        bias = compute_like(bias, tokens)
    return F.linear(tokens, compute_like(weight, tokens), bias)


def fold(attn: Attention, entry: NormedMap, with_gram: bool) -> Folded:
    """Multiply the projections with the map in, once for all tokens.

    Costs ``D C (rows of q, k and v)`` multiply-accumulates, and as much
    again for the gradient of the map.

    Args:
        attn: Holds the projections.
        entry: What stands in front of them.
        with_gram: Whether norms will be taken without wide tokens.
    """
    matrix, shift = entry.matrix(), entry.shift
    q, k, v = (linear.times(matrix) for linear in (attn.q, attn.k, attn.v))
    q_bias, k_bias, v_bias = (
        linear.bias if shift is None else linear(shift)
        for linear in (attn.q, attn.k, attn.v))
    gram = entry.gram() if with_gram else None
    return Folded(q, k, v, q_bias, k_bias, v_bias, gram, entry.eps)


def folded_block(block: TransformerBlock, map_in: LinearMap, folded: Folded,
                 tokens: Tensor, mask: Tensor | None, keep: Keep | None,
                 phase: Tensor | None) -> Tensor:
    """``block(map_in(tokens), mask, keep, phase)`` by folded projections.

    Args:
        block: The first one.
        map_in: The map to its width.
        folded: Their products.
        tokens: (B, N, C).
        mask, keep, phase: See :meth:`TransformerBlock.forward`.

    Returns:
        Tensor: (B, kept, D).
    """
    z = with_ones(tokens, map_in)
    if keep is not None and (folded.gram is not None or folded.eps is None):
        x = map_in(take(tokens, keep))
        unit = divide_by_rms(z, folded.gram, folded.eps)
    else:
        wide = map_in(tokens)  # (B, N, D)
        x = take(wide, keep)
        unit = _divide_by_rms_of(wide, z, block, folded.eps)
    mixed = block.attn.mix(
        folded.query(take(unit, keep)), folded.key(unit), folded.value(unit),
        mask, keep, phase)
    return block.finish(x, mixed)


def _divide_by_rms_of(wide: Tensor, tokens: Tensor, block: TransformerBlock,
                      eps: float | None) -> Tensor:
    """z -> z / r, where the wide tokens are there to take r from.

    Args:
        wide: (B, N, D).
        tokens: (B, N, C).
        block: Whose norm it is: of a LayerNorm, r is the deviation.
        eps: Of that norm; None if there is none.
    """
    if eps is None:
        return tokens
    wide = at_least_fp32(wide)
    if block.geometry.norm == 'layer':
        square = wide.var(-1, unbiased=False, keepdim=True)
    else:
        square = wide.pow(2).mean(-1, keepdim=True)
    unit = tokens.to(wide.dtype) * torch.rsqrt(square + eps)
    return unit.to(tokens.dtype)


class FoldCache:
    """The folded projections, kept while the weights stay what they are.

    Trained tensors are compared by value at each use: writing through
    ``.data``, as weight averaging does, leaves no other trace. That takes
    about 1 % of a ViT-S on one image (CPU, measured here); on a GPU each
    comparison waits for the device. Frozen tensors are large and only
    compared by identity and version.
    """

    def __init__(self) -> None:
        # One attribute, so that other threads see all of it or nothing.
        self._kept: _Kept | None = None

    def get(self, block: TransformerBlock, map_in: LinearMap) -> Folded:
        """The products of ``block`` and ``map_in`` as they are now."""
        trained = [*map_in.parameters(), *block.attn.parameters()]
        marks = [_mark(tensor) for tensor in (
            *map_in.buffers(), *block.attn.buffers(),
            *block.attn_norm.buffers())]
        kept = self._kept
        if kept is not None and kept.holds(trained, marks):
            return kept.value
        self._kept = kept = None  # free the old value before the new one
        copies = [tensor.detach().clone() for tensor in trained]
        value = _fold_wide(block, map_in)
        self._kept = _Kept(value, copies, marks)
        return value

    def drop(self) -> None:
        """Forget the products and free their memory."""
        self._kept = None

    def __deepcopy__(self, memo: dict[int, Any]) -> 'FoldCache':
        """A copy has weights of its own: it starts empty."""
        return FoldCache()

    def __getstate__(self) -> dict[str, Any]:
        """Nor do products travel with a pickled module."""
        return FoldCache().__dict__


# What is stored in the map's type; the Gram matrix stays wide.
_STORED = ('q', 'k', 'v', 'q_bias', 'k_bias', 'v_bias')


class _Kept(NamedTuple):
    """Products, and copies and marks of what they were made from."""

    value: Folded
    trained: list[Tensor]
    frozen: list[tuple[Tensor, int]]

    def holds(self, trained: Sequence[Tensor],
              marks: Sequence[tuple[Tensor, int]]) -> bool:
        """Whether the weights are still those of the products."""
        return all(
            new.dtype == old.dtype and new.device == old.device
            and torch.equal(new, old)
            for new, old in zip(trained, self.trained, strict=True)) and all(
                old[0] is new[0] and old[1] == new[1]
                for old, new in zip(self.frozen, marks, strict=True))


def _mark(tensor: Tensor) -> tuple[Tensor, int]:
    """The tensor itself, and how often it was written to."""
    # Tensors made in inference mode count no versions.
    return tensor, 0 if tensor.is_inference() else tensor._version


def _fold_wide(block: TransformerBlock, map_in: LinearMap) -> Folded:
    """In fp32 or wider, also under autocast; then in the map's type."""
    with torch.autocast(map_in.weight.device.type, enabled=False):
        entry = normed_map(map_in, block)
        folded = fold(
            block.attn, entry._replace(weight=at_least_fp32(entry.weight)),
            with_gram=True)
    stored = {name: value.to(map_in.weight.dtype)
              for name, value in folded._asdict().items()
              if name in _STORED and value is not None}
    return folded._replace(**stored)
