"""Which of the exact ways to run a block costs least.

The multiply-accumulates (MACs) of one call are counted, with or without the
backward pass. There a product with a frozen weight costs one more product
(the gradient of its input); a product with a trained weight, or of two
activations, costs two more. What all ways have in common (output map,
feed-forward part) is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..block.geometry import BlockGeometry

# Small products, one per head and image, run at about half the speed of the
# large ones; measured by tools/analysis_tools/benchmark.py on a CPU.
_SMALL = 2


@dataclass(frozen=True)
class Plan:
    """How one block is run.

    Args:
        fold: The map in and the three projections are multiplied first, see
            :mod:`.fold`.
        absorb: Keys and values are not formed, see :mod:`.absorb`.
    """

    fold: bool = False
    absorb: bool = False


PLAIN = Plan()
# Value of `shortcut` -> the plan that it forces.
SHORTCUTS: dict[str, Plan | None] = dict(
    auto=None,
    off=PLAIN,
    absorb=Plan(absorb=True),
    fold=Plan(fold=True),
    fold_absorb=Plan(fold=True, absorb=True))


@dataclass(frozen=True)
class Call:
    """Sizes of one call, on which the choice depends.

    Args:
        embed_dims: Width C of the tokens that enter; None where they are the
            block's own width, behind another block.
        batch: B.
        num_tokens: N.
        num_kept: K.
        training: Whether there is a backward pass.
        cached: Whether products of weights alone are there already.
    """

    embed_dims: int | None
    batch: int
    num_tokens: int
    num_kept: int
    training: bool = False
    cached: bool = False


def count_macs(geometry: BlockGeometry, call: Call, plan: Plan) -> int:
    """MACs of one way, weighted by how well they run.

    Args:
        geometry: Of the block; D wide, H heads.
        call: Sizes of the batch.
        plan: The way.
    """
    if call.embed_dims is None:
        return _behind_another_block(geometry, call, plan)
    width, narrow = geometry.width, call.embed_dims
    queries = geometry.num_heads * geometry.head_dim
    keys = geometry.num_kv_heads * geometry.head_dim
    frozen, trained = (2, 3) if call.training else (1, 1)
    tokens, kept = (call.batch * n for n in (call.num_tokens, call.num_kept))
    total = 0
    if plan.fold and not call.cached:
        total += frozen * width * narrow * (queries + 2 * keys)
    if not plan.absorb:
        scores = 2 * kept * call.num_tokens * queries
        if plan.fold:
            formed = trained * narrow * (kept * queries + 2 * tokens * keys)
        else:
            formed = frozen * width * (kept * queries + 2 * tokens * keys)
        return total + trained * (scores + tokens * width * narrow) + formed
    if not call.cached:
        total += trained * width * narrow**2  # the Gram matrix
    total += trained * (tokens * narrow**2 + kept * width * narrow)
    heads = geometry.num_heads * narrow
    small = trained * 2 * kept * call.num_tokens * heads
    if plan.fold:
        total += trained * kept * queries * narrow
        small += trained * 2 * kept * queries * narrow
    else:
        total += kept * (
            trained * width * narrow + frozen * width * queries)
        total += trained * 2 * kept * width * heads
        small += frozen * 2 * kept * queries * width
    return total + _SMALL * small


def _behind_another_block(geometry: BlockGeometry, call: Call,
                          plan: Plan) -> int:
    """As :func:`count_macs`, where nothing can be folded."""
    width = geometry.width
    queries = geometry.num_heads * geometry.head_dim
    keys = geometry.num_kv_heads * geometry.head_dim
    frozen, trained = (2, 3) if call.training else (1, 1)
    tokens, kept = (call.batch * n for n in (call.num_tokens, call.num_kept))
    total = frozen * kept * width * queries
    if plan.absorb:
        heads = geometry.num_heads * width
        small = (
            trained * 2 * kept * call.num_tokens * heads +
            frozen * 2 * kept * queries * width)
        return total + _SMALL * small
    scores = 2 * kept * call.num_tokens * queries
    return total + trained * scores + frozen * 2 * tokens * width * keys


def cheapest(geometry: BlockGeometry, call: Call,
             plans: Sequence[Plan]) -> Plan:
    """The plan of fewest MACs; the first of those that are equal.

    A loop, since the compiler of torch 2.9 cannot trace ``min(key=...)``.
    """
    best, fewest = plans[0], count_macs(geometry, call, plans[0])
    for plan in plans[1:]:
        macs = count_macs(geometry, call, plan)
        if macs < fewest:
            best, fewest = plan, macs
    return best


def can_absorb(geometry: BlockGeometry, rope: bool) -> bool:
    """Whether scores are linear in the tokens that are looked at."""
    return not rope and not geometry.qk_norm


def choose_plans(shortcut: str, geometry: BlockGeometry, absorbs: bool,
                 call: Call, num_blocks: int) -> tuple[Plan, Plan]:
    """Plans of the first and of the last block; others are run plainly.

    The first block can be folded, the last one absorbed; a single block is
    both.

    Args:
        shortcut: A key of ``SHORTCUTS``.
        geometry: Of the blocks.
        absorbs: Whether keys may be absorbed.
        call: Sizes of the call.
        num_blocks: How many blocks.
    """
    forced = SHORTCUTS[shortcut]
    ways = (False, True) if absorbs else (False, )
    if num_blocks == 1:
        plan = forced
        if plan is None:
            plan = cheapest(geometry, call, [
                Plan(fold, absorb) for absorb in ways
                for fold in (False, True)])
        return plan, plan
    if forced is not None:
        return Plan(fold=forced.fold), Plan(absorb=forced.absorb)
    everything = Call(call.embed_dims, call.batch, call.num_tokens,
                      call.num_tokens, call.training, call.cached)
    behind = Call(None, call.batch, call.num_tokens, call.num_kept,
                  call.training)
    return (cheapest(geometry, everything, [PLAIN, Plan(fold=True)]),
            cheapest(geometry, behind, [Plan(absorb=way) for way in ways]))
