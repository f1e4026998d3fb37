"""Attention of a few kept tokens without forming keys or values.

With tokens ``z`` (N x C), the map in ``W`` (D x C) and norm weight ``g``, the
block attends over ``x_j = W z_j``, normed to ``g * x_j / r_j``. For a kept
token with the query ``q_h`` of head h,

    q_h . k_jh = (W^T (g * Wk_h^T q_h)) . z_j / r_j
    sum_j a_j v_jh = Wv_h (g * W sum_j a_j z_j / r_j)

so scores and averages are taken in the host's C dimensions, and the rows of
``W``, ``Wk`` and ``Wv`` are multiplied once per kept token instead of once per
token. The norm needs no wide vector either:

    r_j^2 = z_j^T (W^T W) z_j / D + eps

A LayerNorm centres W's columns first. A bias that all keys share adds the
same to every score of a query, so the softmax drops it; in the values it adds
a constant. A map bias is one more column of W, and a 1 behind every z. None
of this approximates.
"""

from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block import Attention, TransformerBlock
from .frozen import compute_like
from .geometry import BlockGeometry
from .tokens import Keep

SHORTCUTS = ('auto', 'off', 'absorb')


def can_absorb(geometry: BlockGeometry) -> bool:
    """Whether scores are linear in the normed tokens: no norm of keys."""
    return not geometry.qk_norm


def absorbing_pays(geometry: BlockGeometry, embed_dims: int, batch: int,
                   num_tokens: int, num_kept: int) -> bool:
    """Whether forming keys and values costs more than twice as much.

    Both sides are multiply-accumulates of one forward pass over the batch;
    what the two ways have in common is left out. Twice, because the many
    small products of the shortcut run less efficiently than the large ones.

    Args:
        geometry: Of the block; D wide, H heads.
        embed_dims: The host's width C.
        batch, num_tokens, num_kept: B, N and K.
    """
    width, heads = geometry.width, geometry.num_heads
    keys = geometry.num_kv_heads * geometry.head_dim
    queries = heads * geometry.head_dim
    plain = batch * num_tokens * width * (embed_dims + 2 * keys)
    per_kept = 2 * width * (queries + heads * embed_dims)
    per_image = num_tokens * embed_dims * (embed_dims +
                                           2 * heads * num_kept)
    gram = width * embed_dims**2
    absorbed = batch * (num_kept * per_kept + per_image) + gram
    return 2 * absorbed < plain


class NormedTokens(NamedTuple):
    """Tokens whose normed wide form is ``gain * (weight @ token) + shift``.

    Args:
        tokens: (B, N, C), each divided by its own root mean square.
        weight: (D, C), centred where the norm centres.
        gain: (D,) weight of the norm, or None.
        shift: (D,) bias of the norm, or None.
    """

    tokens: Tensor
    weight: Tensor
    gain: Optional[Tensor]
    shift: Optional[Tensor]

    def widen(self, tokens: Tensor) -> Tensor:
        """(..., C) -> (..., D): what the block's linear maps would be fed."""
        wide = F.linear(tokens, compute_like(self.weight, tokens))
        return wide if self.gain is None else wide * self.gain

    def narrow(self, wide: Tensor) -> Tensor:
        """Transpose of :meth:`widen`: (..., D) -> (..., C)."""
        if self.gain is not None:
            wide = wide * self.gain
        return F.linear(wide, compute_like(self.weight, wide).t())


def with_bias_column(tokens: Tensor, map_in: nn.Module):
    """The map as a matrix alone, a bias being one more column."""
    if map_in.bias is None:
        return tokens, map_in.weight
    ones = tokens.new_ones(*tokens.shape[:-1], 1)
    return (torch.cat([tokens, ones], -1),
            torch.cat([map_in.weight, map_in.bias[:, None]], -1))


def norm_in_host_width(tokens: Tensor, weight: Tensor,
                       norm: Optional[nn.Module],
                       centred: bool) -> NormedTokens:
    """Norm ``weight @ token`` without forming it.

    Args:
        tokens: (B, N, C).
        weight: (D, C).
        norm: The block's norm before attention; None if there is none.
        centred: Whether that norm subtracts the mean.
    """
    if norm is None:
        return NormedTokens(tokens, weight, None, None)
    if centred:
        weight = weight - weight.mean(0, keepdim=True)
    # Statistics in fp32 or wider, also under autocast.
    wide = torch.promote_types(tokens.dtype, torch.float32)
    with torch.autocast(tokens.device.type, enabled=False):
        z, w = tokens.to(wide), weight.to(wide)
        gram = w.t() @ w / w.shape[0]  # (C, C)
        square = ((z @ gram) * z).sum(-1, keepdim=True)
        normed = z * torch.rsqrt(square.clamp(min=0) + norm.eps)
    bias = getattr(norm, 'bias', None)
    gain = norm.weight.to(wide) + getattr(norm, 'offset', 0.0)
    return NormedTokens(
        normed.to(tokens.dtype), weight, gain,
        None if bias is None else bias.to(wide))


def absorbed_attention(attn: Attention, normed: NormedTokens, keep: Keep,
                       mask: Optional[Tensor]) -> Tensor:
    """Attention output of the kept tokens.

    Args:
        attn: The block's attention, without rotary phase.
        normed: What it attends over.
        keep: The asking tokens.
        mask: Broadcasts to (B, heads, kept, N), True where a token may be
            looked at; or None.

    Returns:
        Tensor: (B, kept, D), as :meth:`Attention.forward` gives it.
    """
    geometry = attn.geometry
    groups = geometry.num_kv_heads
    shape = (groups, geometry.num_heads // groups, geometry.head_dim)
    asking = normed.widen(normed.tokens[:, keep])
    if normed.shift is not None:
        asking = asking + normed.shift
    scale = geometry.attention_scale or geometry.head_dim**-0.5
    query = attn.q(asking).unflatten(-1, shape) * scale

    key_weight = compute_like(attn.k.weight, query).unflatten(0, (groups, -1))
    wide = torch.einsum('bkgud,gdw->bkguw', query, key_weight)
    back = normed.narrow(wide)  # (B, kept, groups, heads per group, C)
    scores = torch.einsum('bkguc,bnc->bgukn', back, normed.tokens)
    scores = scores.flatten(1, 2)  # (B, heads, kept, N)
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    if geometry.softcap is not None:
        scores = geometry.softcap * torch.tanh(scores / geometry.softcap)
    weights = masked_softmax(scores, mask)

    average = torch.einsum('bhkn,bnc->bkhc', weights.to(back.dtype),
                           normed.tokens)
    wide = normed.widen(average)  # (B, kept, heads, D)
    if normed.shift is not None:
        # Weights sum to one, or to zero where nothing may be looked at.
        wide = wide + normed.shift * weights.sum(-1).transpose(
            1, 2).unsqueeze(-1)
    value_weight = compute_like(attn.v.weight, wide).unflatten(0, (groups, -1))
    mixed = torch.einsum('bkguw,gdw->bkgud', wide.unflatten(2, shape[:2]),
                         value_weight)
    bias = getattr(attn.v, 'bias', None)
    if bias is not None:
        total = weights.sum(-1).transpose(1, 2).unflatten(2, shape[:2])
        mixed = mixed + (compute_like(bias, mixed).unflatten(
            0, (groups, 1, -1)) * total.unsqueeze(-1))
    return attn.out(mixed.flatten(2))


def masked_softmax(scores: Tensor, mask: Optional[Tensor]) -> Tensor:
    """Softmax over the last dimension; zero where masked.

    A row in which nothing may be looked at gives zeros, as
    ``scaled_dot_product_attention`` does.
    """
    if mask is None:
        return scores.softmax(-1)
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(~mask, lowest).softmax(-1)
    return weights.masked_fill(~mask, 0.)


def absorbed_block(block: TransformerBlock, tokens: Tensor, map_in: nn.Module,
                   keep: Keep, mask: Optional[Tensor]) -> Tensor:
    """``block(map_in(tokens), mask, keep)`` for a few kept tokens.

    Args:
        block: The first and only block.
        tokens: (B, N, C), of the host.
        map_in: The map to the block's width.
        keep: The kept tokens.
        mask: See :func:`absorbed_attention`.

    Returns:
        Tensor: (B, kept, D).
    """
    post = block.geometry.placement == 'post'
    z, weight = with_bias_column(tokens, map_in)
    normed = norm_in_host_width(z, weight, None if post else block.attn_norm,
                                block.geometry.norm == 'layer')
    mixed = absorbed_attention(block.attn, normed, keep, mask)
    return block.finish(map_in(tokens[:, keep]), mixed)
