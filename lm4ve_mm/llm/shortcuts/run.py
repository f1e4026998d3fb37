"""The exact ways to run the blocks, and the choice among them."""

from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from ..block.transformer_block import TransformerBlock
from .plans import Call, Plan, cheapest
from .fold_cache import FoldCache
from ..block.linear import at_least_fp32
from ..block.geometry import BlockGeometry
from ..maps import LinearMap
from .projections import (Folded, TwoSteps, divide_by_rms, enter, fold,
                          with_ones)
from .absorb import absorbed_attention, absorbed_block
from ..block.tokens import Keep, attention_mask, count_kept, take

PLAIN = Plan()
# What `shortcut` says -> the plan that it forces.
SHORTCUTS = dict(
    auto=None,
    off=PLAIN,
    absorb=Plan(absorb=True),
    fold=Plan(fold=True),
    fold_absorb=Plan(fold=True, absorb=True))


def can_absorb(geometry: BlockGeometry, rope: bool) -> bool:
    """Whether scores are linear in the tokens that are looked at."""
    return not rope and not geometry.qk_norm


def choose_plans(shortcut: str, geometry: BlockGeometry, absorbs: bool,
                 call: Call, num_blocks: int) -> Tuple[Plan, Plan]:
    """Plans of the first and of the last block; others are run plainly.

    The first block can be folded, the last one absorbed; a single block is
    both.

    Args:
        shortcut: A key of ``SHORTCUTS``.
        geometry: Of the blocks.
        absorbs: Whether keys may be absorbed.
        call: What the layer is asked for.
        num_blocks: How many blocks.
    """
    forced = SHORTCUTS[shortcut]
    ways = (False, True) if absorbs else (False, )
    if num_blocks == 1:
        plans = [Plan(fold, absorb) for absorb in ways
                 for fold in (False, True)]
        plan = cheapest(geometry, call, plans) if forced is None else forced
        return plan, plan
    if forced is not None:
        return Plan(fold=forced.fold), Plan(absorb=forced.absorb)
    everything = Call(call.embed_dims, call.batch, call.num_tokens,
                      call.num_tokens, call.training, call.cached)
    behind = Call(None, call.batch, call.num_tokens, call.num_kept,
                  call.training)
    return (cheapest(geometry, everything, [PLAIN, Plan(fold=True)]),
            cheapest(geometry, behind, [Plan(absorb=way) for way in ways]))


class Products(NamedTuple):
    """What is made of weights alone, and can be kept while they stay.

    Args:
        projections: From the host's tokens to queries, keys and values.
        gram: See :meth:`Entry.gram`; None where it is not needed.
        eps: Of the norm in front of attention; None if there is none.
    """

    projections: Folded | TwoSteps
    gram: Optional[Tensor]
    eps: Optional[float]


def make_products(block: TransformerBlock, map_in: LinearMap,
                  plan: Plan) -> Products:
    """Products of the first block's weights, as ``plan`` needs them."""
    entry = enter(map_in, block)
    projections = TwoSteps(block.attn, entry)
    if plan.fold:
        projections = fold(block.attn, entry)
    gram = None
    if plan.absorb and entry.eps is not None:
        gram = entry.gram()
    return Products(projections, gram, entry.eps)


def keep_products(block: TransformerBlock, map_in: LinearMap,
                  cache: FoldCache) -> Products:
    """Everything that can be folded, made once for many calls.

    In fp32 or wider, also under autocast; then in the type of the map.
    """

    def make() -> Products:
        with torch.autocast(map_in.weight.device.type, enabled=False):
            entry = enter(map_in, block)
            wide = entry._replace(weight=at_least_fp32(entry.weight))
            folded = fold(block.attn, wide)
            gram = None if entry.eps is None else wide.gram()
        stored = [x if x is None else x.to(map_in.weight.dtype)
                  for x in folded]
        return Products(Folded(*stored), gram, entry.eps)

    trained = [*map_in.parameters(), *block.attn.parameters()]
    frozen = [*map_in.buffers(), *block.attn.buffers(),
              *block.attn_norm.buffers()]
    return cache.get(trained, frozen, make)


def first_block(block: TransformerBlock, map_in: LinearMap, tokens: Tensor,
                mask: Optional[Tensor], keep: Optional[Keep],
                phase: Optional[Tensor], plan: Plan,
                cache: Optional[FoldCache]) -> Tensor:
    """``block(map_in(tokens), mask, keep, phase)``, as ``plan`` says.

    Args:
        tokens: (B, N, C), of the host.
        mask, keep, phase: See :meth:`TransformerBlock.forward`.
        cache: Where folded products are kept; None makes them anew.

    Returns:
        Tensor: (B, kept, D).
    """
    if plan == PLAIN:
        return block(map_in(tokens), mask, keep, phase)
    if plan.fold and cache is not None:
        products = keep_products(block, map_in, cache)
    else:
        products = make_products(block, map_in, plan)
    projections, gram, eps = products
    z = with_ones(tokens, map_in)
    if plan.absorb:
        unit = divide_by_rms(z, gram, eps)
        mixed = absorbed_attention(block.attn, projections, unit, keep, mask)
        return block.finish(map_in(take(tokens, keep)), mixed)
    if keep is not None and (gram is not None or eps is None):
        x, unit = map_in(take(tokens, keep)), divide_by_rms(z, gram, eps)
    else:
        wide = map_in(tokens)  # (B, N, D)
        x, unit = take(wide, keep), divide_by_rms_of(wide, z, block, eps)
    mixed = block.attn.mix(
        projections.query(take(unit, keep)), projections.key(unit),
        projections.value(unit), mask, keep, phase)
    return block.finish(x, mixed)


def divide_by_rms_of(wide: Tensor, tokens: Tensor, block: TransformerBlock,
                     eps: Optional[float]) -> Tensor:
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


def run_blocks(blocks: Sequence[TransformerBlock], map_in: LinearMap,
               tokens: Tensor, key_padding_mask: Optional[Tensor],
               causal: bool, keep: Optional[Keep], phase: Optional[Tensor],
               plans: Tuple[Plan, Plan],
               cache: Optional[FoldCache]) -> Tensor:
    """Map in and run every block; only the last one skips tokens.

    Args:
        blocks: One or more.
        map_in: The map to their width.
        tokens: (B, N, C), of the host.
        key_padding_mask: (B, N) bool, True = padding, or None.
        causal: Whether a token sees only itself and earlier ones.
        keep: Whose output is wanted; None means all.
        phase: (2, N, rope_dims) rotary phase, or None.
        plans: Of the first and of the last block.
        cache: See :func:`first_block`.

    Returns:
        Tensor: (B, kept, D).
    """

    def mask(wanted: Optional[Keep]) -> Optional[Tensor]:
        return attention_mask(key_padding_mask, causal, wanted,
                              tokens.shape[1], tokens.device)

    first, *others = blocks
    wanted = None if others else keep
    x = first_block(first, map_in, tokens, mask(wanted), wanted, phase,
                    plans[0], cache)
    for block in others:
        last = block is others[-1]
        wanted = keep if last else None
        if last and plans[1].absorb:
            x = absorbed_block(block, x, wanted, mask(wanted))
        else:
            x = block(x, mask(wanted), wanted, phase)
    return x


def describe_call(tokens: Tensor, keep: Optional[Keep], training: bool,
                  cached: bool) -> Call:
    """The sizes that the choice depends on.

    A graph that is exported for any batch size is planned for 32.
    """
    batch, count, width = tokens.shape
    if not isinstance(batch, int):
        batch = 32
    return Call(width, batch, count, count_kept(keep, count), training,
                cached)
