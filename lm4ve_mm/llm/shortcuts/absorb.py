"""Attention of a few kept tokens without forming keys or values.

For a kept token with the query ``q_h`` of head h, and tokens ``z_j / r_j``
that a linear map ``K`` turns into keys and ``V`` into values (see
:mod:`.projections`),

    q_h . k_jh = (K_h^T q_h) . z_j / r_j
    sum_j a_j v_jh = V_h (sum_j a_j z_j / r_j)

so scores and averages are taken in the tokens' own dimensions, and K and V are
multiplied once per kept token instead of once per token. A bias that all
keys share adds the same to every score of a query, which the softmax drops
unless the scores are bounded first; in the values it adds a constant. None of
this approximates. It does not hold where something that is not linear comes
between a key and its score: a rotary phase, a norm of keys.
"""

import torch
from torch import Tensor

from ..block.attention import Attention, masked_softmax
from ..block.precision import at_least_fp32, compute_like
from ..block.tokens import Keep, take
from ..block.transformer_block import TransformerBlock
from ..maps import LinearMap
from .fold import Folded
from .projections import TwoSteps, divide_by_rms, with_ones


def absorbed_attention(attn: Attention, projections: TwoSteps | Folded,
                       tokens: Tensor, keep: Keep | None,
                       mask: Tensor | None) -> Tensor:
    """Attention output of the kept tokens.

    Args:
        attn: The block's attention, without rotary phase.
        projections: From the tokens to queries, keys and values.
        tokens: (B, N, C), each divided by its root mean square.
        keep: The tokens that look; None means all.
        mask: Broadcasts to (B, heads, kept, N), True where a token may be
            looked at; or None.

    Returns:
        Tensor: (B, kept, D), as :meth:`Attention.forward` gives it.
    """
    geometry = attn.geometry
    groups = geometry.num_kv_heads
    shape = (groups, geometry.num_heads // groups, geometry.head_dim)
    query = projections.query(take(tokens, keep)).unflatten(-1, shape)
    query = query * geometry.score_scale

    back = projections.keys_back(query)  # (B, kept, groups, heads of it, C)
    scores = torch.einsum('bkguc,bnc->bgukn', back, tokens)
    shared = _shared_score(attn, projections, query)
    if shared is not None:
        scores = scores + shared
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


def _shared_score(attn: Attention, projections: TwoSteps | Folded,
                  query: Tensor) -> Tensor | None:
    """What a bias of the keys adds to every score of a query.

    None where it can be left out, as the softmax drops it. But bounded scores
    feel it; and a bias that is trained needs its gradient, though it is zero:
    distributed training waits for it.

    Args:
        attn: The block's attention.
        projections: See :func:`absorbed_attention`.
        query: (B, kept, groups, heads per group, head_dim), scaled.

    Returns:
        Tensor: (B, groups, heads per group, kept, 1), or None.
    """
    own = attn.k.bias
    trained = own is not None and own.requires_grad
    if attn.geometry.softcap is None and not trained:
        return None
    bias = projections.key_bias()
    if bias is None:
        return None
    bias = compute_like(bias, query).unflatten(0, (query.shape[2], 1, -1))
    return (query * bias).sum(-1).permute(0, 2, 3, 1).unsqueeze(-1)


def absorbed_first_block(block: TransformerBlock, map_in: LinearMap,
                         projections: TwoSteps | Folded, tokens: Tensor,
                         mask: Tensor | None, keep: Keep | None) -> Tensor:
    """``block(map_in(tokens), mask, keep)`` for a few kept tokens.

    Args:
        block: The first one.
        map_in: The map to its width.
        projections: Of both, with the Gram matrix.
        tokens: (B, N, C).
        mask, keep: See :func:`absorbed_attention`.

    Returns:
        Tensor: (B, kept, D).
    """
    unit = divide_by_rms(
        with_ones(tokens, map_in), projections.gram, projections.eps)
    mixed = absorbed_attention(block.attn, projections, unit, keep, mask)
    return block.finish(map_in(take(tokens, keep)), mixed)


def absorbed_block(block: TransformerBlock, x: Tensor, mask: Tensor | None,
                   keep: Keep | None) -> Tensor:
    """``block(x, mask, keep)`` for a few kept tokens of a later block.

    Its input is wide already, so only the keys and values are absorbed.

    Args:
        block: Any block but the first.
        x: (B, N, D).
        mask, keep: See :func:`absorbed_attention`.

    Returns:
        Tensor: (B, kept, D).
    """
    fed = x if block.geometry.placement == 'post' else block.attn_norm(x)
    mixed = absorbed_attention(block.attn, TwoSteps(block.attn), fed, keep,
                               mask)
    return block.finish(take(x, keep), mixed)
