"""Attention of a few kept tokens without forming keys or values.

For a kept token with the query ``q_h`` of head h, and tokens ``z_j / r_j``
that a linear map ``K`` turns into keys and ``V`` into values (see
:mod:`.projections`),

    q_h . k_jh = (K_h^T q_h) . z_j / r_j
    sum_j a_j v_jh = V_h (sum_j a_j z_j / r_j)

so scores and averages are taken in the tokens' own dimensions, and K and V are
multiplied once per kept token instead of once per token. A bias that all
keys share adds the same to every score of a query, so the softmax drops it; in
the values it adds a constant. None of this approximates. It does not hold
where something that is not linear comes between a key and its score: a
rotary phase, a norm of keys.
"""

from typing import Optional, Union

import torch
from torch import Tensor

from .block import Attention, TransformerBlock
from .projections import Entry, Folded, TwoSteps, at_least_fp32
from .tokens import Keep, take


def absorbed_attention(attn: Attention, projections: Union[TwoSteps, Folded],
                       tokens: Tensor, keep: Optional[Keep],
                       mask: Optional[Tensor]) -> Tensor:
    """Attention output of the kept tokens.

    Args:
        attn: The block's attention, without rotary phase.
        projections: From the tokens to queries, keys and values.
        tokens: (B, N, C), each divided by its root mean square.
        keep: The asking tokens; None means all.
        mask: Broadcasts to (B, heads, kept, N), True where a token may be
            looked at; or None.

    Returns:
        Tensor: (B, kept, D), as :meth:`Attention.forward` gives it.
    """
    geometry = attn.geometry
    groups = geometry.num_kv_heads
    shape = (groups, geometry.num_heads // groups, geometry.head_dim)
    scale = geometry.attention_scale or geometry.head_dim**-0.5
    query = projections.query(take(tokens, keep)).unflatten(-1, shape) * scale

    back = projections.keys_back(query)  # (B, kept, groups, heads of it, C)
    scores = torch.einsum('bkguc,bnc->bgukn', back, tokens)
    scores = at_least_fp32(scores.flatten(1, 2))  # (B, heads, kept, N)
    if geometry.softcap is not None:
        scores = geometry.softcap * torch.tanh(scores / geometry.softcap)
    weights = masked_softmax(scores, mask)

    average = torch.einsum('bhkn,bnc->bkhc', weights.to(back.dtype), tokens)
    total = weights.sum(-1).transpose(1, 2)  # (B, kept, heads)
    mixed = projections.heads_value(
        average.unflatten(2, shape[:2]),
        total.unflatten(2, shape[:2]).unsqueeze(-1))
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


def absorbed_block(block: TransformerBlock, x: Tensor, keep: Optional[Keep],
                   mask: Optional[Tensor]) -> Tensor:
    """``block(x, mask, keep)`` for a few kept tokens of a later block.

    What enters is wide already, so only the keys and values are absorbed.

    Args:
        block: Any block but the first.
        x: (B, N, D).
        keep, mask: See :func:`absorbed_attention`.

    Returns:
        Tensor: (B, kept, D).
    """
    fed = x if block.geometry.placement == 'post' else block.attn_norm(x)
    mixed = absorbed_attention(block.attn, TwoSteps(block.attn, Entry()), fed,
                               keep, mask)
    return block.finish(take(x, keep), mixed)
