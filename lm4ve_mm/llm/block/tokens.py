"""Which tokens ask, and which tokens may be looked at."""

from typing import List, Optional, Sequence, Union

import torch
from torch import Tensor

Keep = Union[slice, Tensor]


def normalise_keep(keep: Union[None, Keep, Sequence[int]], num_tokens: int,
                   device: torch.device) -> Optional[Keep]:
    """Check which tokens' outputs are wanted.

    Args:
        keep: None (all), a slice, or indices; negative ones count from the
            end.
        num_tokens: N.
        device: Where the tokens are.

    Returns:
        None, the slice, or a 1-D int64 tensor of indices in 0..N-1.

    Raises:
        TypeError: If ``keep`` is anything else, a boolean mask for example.
        IndexError: If an index is out of range, or nothing is kept.
    """
    if keep is None:
        return None
    if isinstance(keep, slice):
        if not len(range(*keep.indices(num_tokens))):
            raise IndexError(
                f'keep={keep} selects none of the {num_tokens} tokens')
        return keep
    indices = _integers(keep)
    if not indices:
        raise IndexError('keep is empty: name at least one token')
    for index in indices:
        if not -num_tokens <= index < num_tokens:
            raise IndexError(f'keep names token {index}, but there are '
                             f'{num_tokens}: {-num_tokens}..{num_tokens - 1}')
    positions = [index % num_tokens for index in indices]
    return torch.tensor(positions, device=device)


def _integers(keep: Union[Tensor, Sequence[int]]) -> List[int]:
    """A flat list of integers, or a TypeError."""
    kind = repr(keep)
    if isinstance(keep, Tensor):
        kind = f'{keep.dtype} of shape {tuple(keep.shape)}'
        # An empty list makes a float tensor; it is empty all the same.
        whole = not keep.is_floating_point() and keep.dtype != torch.bool
        keep = keep.tolist() if whole or not keep.numel() else [keep]
    # bool is an int to Python, but a mask is no list of indices.
    if any(type(index) is not int for index in keep):
        raise TypeError('keep takes None, a slice or a flat list of '
                        f'integers, not {kind}')
    return list(keep)


def count_kept(keep: Optional[Keep], num_tokens: int) -> int:
    """How many of ``num_tokens`` tokens a normalised ``keep`` selects."""
    if keep is None:
        return num_tokens
    if isinstance(keep, slice):
        return len(range(*keep.indices(num_tokens)))
    return len(keep)


def take(x: Tensor, keep: Optional[Keep]) -> Tensor:
    """The kept ones of (batch, N, width)."""
    return x if keep is None else x[:, keep]


def attention_mask(key_padding_mask: Optional[Tensor], causal: bool,
                   keep: Optional[Keep], num_tokens: int,
                   device: torch.device) -> Optional[Tensor]:
    """Join padding and causality into one mask.

    Args:
        key_padding_mask: (B, N) bool, True = padding, or None.
        causal: Whether a token may look at itself and earlier ones only.
        keep: The asking tokens, as :func:`normalise_keep` returns them.
        num_tokens: N.
        device: Where the mask is wanted.

    Returns:
        A bool tensor that broadcasts to (B, heads, kept, N), True where a
        token may be looked at; None if every token may look everywhere.
    """
    mask = None
    if key_padding_mask is not None:
        mask = ~key_padding_mask[:, None, None, :]  # (B, 1, 1, N)
    if causal:
        positions = torch.arange(num_tokens, device=device)
        asking = positions if keep is None else positions[keep]
        earlier = positions[None, :] <= asking[:, None]  # (kept, N)
        mask = earlier if mask is None else mask & earlier
    return mask


def check_tokens(tokens: Tensor, embed_dims: int,
                 key_padding_mask: Optional[Tensor]) -> None:
    """Raise a ValueError or TypeError on tokens or a mask of a wrong form."""
    if tokens.dim() != 3 or tokens.shape[-1] != embed_dims:
        raise ValueError(
            f'tokens have the shape {tuple(tokens.shape)}, but this layer was '
            f'built for (B, N, {embed_dims}): set embed_dims (in_channels of '
            "a neck) to the host's width")
    if key_padding_mask is None:
        return
    if key_padding_mask.dtype != torch.bool:
        raise TypeError('key_padding_mask must be bool with True = padding, '
                        f'not {key_padding_mask.dtype}')
    if key_padding_mask.shape != tokens.shape[:2]:
        raise ValueError(
            f'key_padding_mask has the shape {tuple(key_padding_mask.shape)}, '
            f'the tokens have {tuple(tokens.shape[:2])}')
