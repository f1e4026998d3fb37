"""From a family's memory layout of a tensor to ours.

Ours is one (out features, in features) weight per linear map, the heads one
after the other, and the rotary phase turning rows (i, i + rope_dims / 2).
Parts of fused tensors are copied, so that none of them keeps the whole.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...block.geometry import BlockGeometry
from ...errors import CheckpointError
from .base import Transform

# Place of query, key and value in a fused tensor.
QKV = ('q', 'k', 'v')


def _heads(geometry: BlockGeometry) -> tuple[int, int]:
    """Number of key heads, and width of one head."""
    return (geometry.num_kv_heads or geometry.num_heads,
            geometry.head_dim or geometry.width // geometry.num_heads)


def interleaved_rows(tensor: Tensor, geometry: BlockGeometry) -> Tensor:
    """Reorder a query or key map from Meta's rotary layout to ours.

    Meta turns neighbouring rows (2i, 2i+1) of a head together, we turn rows
    (i, i + rope_dims/2), as Hugging Face does. Scores do not change, and
    both releases of a model come to the same bytes, hence the same digest.

    Args:
        tensor: (heads * head_dim, ...) weight or bias.
        geometry: Gives ``head_dim``, and ``rope_dims`` of it that are turned.
    """
    heads = tensor.unflatten(0, (-1, _heads(geometry)[1]))
    turned, rest = heads.tensor_split([geometry.rope_dims], dim=1)
    halves = torch.cat([turned[:, 0::2], turned[:, 1::2], rest], dim=1)
    return halves.flatten(0, 1)


def interleaved_transforms() -> dict[str, Transform]:
    """Transforms of query and key where neighbouring rows are turned."""
    return {
        f'attn.{part}.{name}': interleaved_rows
        for part in ('q', 'k') for name in ('weight', 'bias')
    }


def transposed(weight: Tensor, geometry: BlockGeometry) -> Tensor:
    """(in features, out features) -> (out features, in features)."""
    return weight.t().contiguous()


def _check_rows(tensor: Tensor, rows: int) -> None:
    if tensor.shape[0] != rows:
        raise CheckpointError(
            f'its fused parts have the shape {tuple(tensor.shape)}, the '
            f'configuration asks for {rows} rows')


def _qkv_sizes(geometry: BlockGeometry) -> list[int]:
    key_heads, width = _heads(geometry)
    return [geometry.num_heads * width, key_heads * width, key_heads * width]


def stacked_part(tensor: Tensor, geometry: BlockGeometry, part: str) -> Tensor:
    """Query, key or value out of all queries, all keys, all values.

    Args:
        tensor: (queries + keys + values, ...) weight or bias.
        geometry: Gives the sizes.
        part: One of ``QKV``.
    """
    sizes = _qkv_sizes(geometry)
    _check_rows(tensor, sum(sizes))
    return tensor.split(sizes)[QKV.index(part)].clone()


def transposed_stacked_part(tensor: Tensor, geometry: BlockGeometry,
                            part: str) -> Tensor:
    """:func:`stacked_part` of a (in features, out features) weight."""
    return stacked_part(tensor.t(), geometry, part).contiguous()


def grouped_part(tensor: Tensor, geometry: BlockGeometry, part: str) -> Tensor:
    """Query, key or value out of one group of heads after the other.

    A group is a key head: its queries, its key, its value. With as many key
    heads as query heads that is (q, k, v) head by head (GPT-NeoX, BLOOM),
    with a single one all queries, the key, the value (Falcon 7B).

    Args:
        tensor: (groups * (queries per group + 2) * head_dim, ...).
        geometry: Gives the sizes.
        part: One of ``QKV``.
    """
    _check_rows(tensor, sum(_qkv_sizes(geometry)))
    key_heads, width = _heads(geometry)
    queries = geometry.num_heads // key_heads
    grouped = tensor.unflatten(0, (key_heads, queries + 2, width))
    parts = grouped.split([queries, 1, 1], dim=1)
    return parts[QKV.index(part)].flatten(0, 2).clone()


def gate_up_part(tensor: Tensor, geometry: BlockGeometry, part: str) -> Tensor:
    """``'gate'`` or ``'up'`` out of all gates, all ups (Phi-3)."""
    _check_rows(tensor, 2 * geometry.ffn_dim)
    return tensor.chunk(2)[('gate', 'up').index(part)].clone()


def fused_qkv(
        split_weight: Callable[..., Tensor],
        split_bias: Callable[..., Tensor] | None = None
) -> dict[str, Transform]:
    """Transforms of a tensor that fuses queries, keys and values.

    Args:
        split_weight: ``f(tensor, geometry, part)`` for the weight.
        split_bias: The same for the bias; None means as for the weight.
    """
    transforms: dict[str, Transform] = {}
    for part in QKV:
        for name, split in (('weight', split_weight),
                            ('bias', split_bias or split_weight)):
            transforms[f'attn.{part}.{name}'] = partial(split, part=part)
    return transforms
