"""Softmax attention of a block."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .geometry import BlockGeometry
from .linear import PretrainedLinear
from .norms import Norm
from .precision import at_least_fp32
from .rotary import rotate
from .tokens import Keep, take


def capped_attention(query: Tensor, key: Tensor, value: Tensor,
                     mask: Tensor | None, scale: float, cap: float) -> Tensor:
    """Attention whose scores are bounded, which no fused kernel offers.

    ``softmax(cap * tanh(scale * q k^T / cap)) v``, arXiv 2408.00118; scores
    and softmax in fp32 or wider.

    Args:
        query: (B, heads, kept, head_dim).
        key, value: (B, heads, N, head_dim).
        mask: Broadcasts to (B, heads, kept, N), True = may be looked at.
        scale: Factor of the scores.
        cap: Their bound.

    Returns:
        (B, heads, kept, head_dim); zero where nothing may be looked at.
    """
    scores = query @ key.transpose(-2, -1)  # (B, heads, kept, N)
    scores = cap * torch.tanh(at_least_fp32(scores) * (scale / cap))
    return masked_softmax(scores, mask).to(value.dtype) @ value


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax over the last dimension; zero where masked.

    A row in which nothing may be looked at gives zeros, as
    ``scaled_dot_product_attention`` does.
    """
    if mask is None:
        return scores.softmax(-1)
    # Finite, so that a row of nothing but padding has no NaN gradient.
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(~mask, lowest).softmax(-1)
    return weights.masked_fill(~mask, 0.)


class Attention(nn.Module):
    """Softmax attention; groups of query heads may share keys and values.

    Args:
        geometry: Of the block.
        linear: Makes the linear map of a given name, such as ``attn.q``.
        norm: Makes the norm of a given name, such as ``attn.q_norm``.
    """

    def __init__(self, geometry: BlockGeometry,
                 linear: Callable[[str], PretrainedLinear],
                 norm: Callable[[str], Norm]) -> None:
        super().__init__()
        self.geometry = geometry
        self.q = linear('attn.q')
        self.k = linear('attn.k')
        self.v = linear('attn.v')
        self.out = linear('attn.out')
        self.q_norm: nn.Module = nn.Identity()
        self.k_norm: nn.Module = nn.Identity()
        if geometry.qk_norm:
            self.q_norm = norm('attn.q_norm')
            self.k_norm = norm('attn.k_norm')

    def _heads(self, x: Tensor) -> Tensor:
        """(B, N, heads * head_dim) -> (B, heads, N, head_dim)."""
        return x.unflatten(-1, (-1, self.geometry.head_dim)).transpose(1, 2)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor,
                mask: Tensor | None) -> Tensor:
        """Softmax attention; key and value may have fewer heads."""
        geometry = self.geometry
        groups = geometry.num_heads // geometry.num_kv_heads
        if geometry.softcap is None:
            return F.scaled_dot_product_attention(
                query,
                key,
                value,
                attn_mask=mask,
                scale=geometry.attention_scale,
                enable_gqa=groups > 1)
        key, value = (x.repeat_interleave(groups, 1) for x in (key, value))
        return capped_attention(query, key, value, mask,
                                geometry.score_scale, geometry.softcap)

    def forward(self,
                x: Tensor,
                mask: Tensor | None = None,
                keep: Keep | None = None,
                phase: Tensor | None = None) -> Tensor:
        """Let the kept tokens look at all tokens.

        Args:
            x: (B, N, width).
            mask: Broadcasts to (B, heads, kept, N); True where a token may
                be looked at.
            keep: Which tokens look; None means all.
            phase: (2, N, rope_dims) rotary phase, or None.

        Returns:
            (B, kept, width). The softmax is taken in fp32 or wider, as the
            kernels behind ``scaled_dot_product_attention`` do.
        """
        return self.mix(
            self.q(take(x, keep)), self.k(x), self.v(x), mask, keep, phase)

    def mix(self,
            query: Tensor,
            key: Tensor,
            value: Tensor,
            mask: Tensor | None = None,
            keep: Keep | None = None,
            phase: Tensor | None = None) -> Tensor:
        """What follows the three projections.

        Args:
            query: (B, kept, heads * head_dim).
            key, value: (B, N, kv_heads * head_dim).
            mask: See :meth:`forward`.
            keep: See :meth:`forward`.
            phase: See :meth:`forward`.

        Returns:
            (B, kept, width).
        """
        # (B, heads, kept, head_dim), and keys of (B, kv_heads, N, head_dim)
        query = self.q_norm(self._heads(query))
        key = self.k_norm(self._heads(key))
        value = self._heads(value)
        if phase is not None:
            phase = phase.to(query.dtype)
            query = rotate(query, take(phase, keep))
            key = rotate(key, phase)
        mixed = self._attend(query, key, value, mask)
        return self.out(mixed.transpose(1, 2).flatten(2))
