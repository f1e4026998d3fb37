"""Which tokens are kept, and which tokens attention may see."""

from collections.abc import Sequence

import torch
from torch import Tensor

Keep = slice | Tensor


def check_input(tokens: Tensor, key_padding_mask: Tensor | None,
                keep: Keep | Sequence[int] | None,
                embed_dims: int) -> Keep | None:
    """Check what a layer is called with.

    Args:
        tokens: Should be (B, N, embed_dims).
        key_padding_mask: Should be (B, N) bool, or None.
        keep: None (all), a slice, or indices of tokens; negative ones count
            from the end.
        embed_dims: Width that the layer was built for.

    Returns:
        ``keep`` as None, a slice, or a 1-D int64 tensor of indices in
        0..N-1.

    Raises:
        TypeError: If the mask is not bool, or ``keep`` is anything else, such
            as a boolean mask.
        ValueError: If a shape is wrong, or a slice runs backwards.
        IndexError: If an index is out of range, or nothing is kept.
    """
    if tokens.dim() != 3 or tokens.shape[-1] != embed_dims:
        raise ValueError(
            f'tokens have the shape {tuple(tokens.shape)}, but this layer was '
            f'built for (B, N, {embed_dims}): set embed_dims (in_channels of '
            "a neck) to the host's width")
    if key_padding_mask is not None:
        if key_padding_mask.dtype != torch.bool:
            raise TypeError('key_padding_mask must be bool with True = '
                            f'padding, not {key_padding_mask.dtype}')
        if key_padding_mask.shape != tokens.shape[:2]:
            raise ValueError(
                'key_padding_mask has the shape '
                f'{tuple(key_padding_mask.shape)}, the tokens have '
                f'{tuple(tokens.shape[:2])}')
    if keep is None:
        return None
    if isinstance(keep, slice):
        return _check_slice(keep, tokens.shape[1])
    return _indices(keep, tokens.shape[1], tokens.device)


def _check_slice(keep: slice, num_tokens: int) -> slice:
    if keep.step is not None and keep.step < 1:
        raise ValueError(f'keep={keep} runs backwards; give the indices as a '
                         'list')
    if count_kept(keep, num_tokens) == 0:
        raise IndexError(f'keep={keep} selects none of the {num_tokens} '
                         'tokens')
    return keep


def _indices(keep: Tensor | Sequence[int], num_tokens: int,
             device: torch.device) -> Tensor:
    """A flat list of integers as indices in 0..N-1, or an error."""
    if isinstance(keep, int):
        raise TypeError(f'keep={keep} should be a list: keep=[{keep}]')
    if isinstance(keep, Tensor):
        kind = f'{keep.dtype} of shape {tuple(keep.shape)}'
        # An empty list becomes a float tensor, which is still a list.
        whole = not keep.is_floating_point() and keep.dtype != torch.bool
        given = keep.tolist() if whole or not keep.numel() else [keep]
    else:
        kind = str(type(keep).__name__)
        given = list(keep)
    if not given:
        raise IndexError('keep is empty: name at least one token')
    positions = []
    for index in given:
        # bool is an int to Python, but a mask is no list of indices.
        if type(index) is not int:
            raise TypeError('keep takes None, a slice or a flat list of '
                            f'integers, not {kind}')
        if not -num_tokens <= index < num_tokens:
            raise IndexError(f'keep names token {index}, but there are '
                             f'{num_tokens}: {-num_tokens}..{num_tokens - 1}')
        positions.append(index % num_tokens)
    return torch.tensor(positions, device=device)


def count_kept(keep: Keep | None, num_tokens: int) -> int:
    """How many of ``num_tokens`` tokens are kept.

    In plain arithmetic: ``slice.indices`` cannot be traced by the compiler
    of torch 2.9.

    Args:
        keep: As :func:`check_input` returns it.
        num_tokens: N.
    """
    if keep is None:
        return num_tokens
    if isinstance(keep, Tensor):
        return keep.shape[0]
    start = _edge(keep.start, 0, num_tokens)
    stop = _edge(keep.stop, num_tokens, num_tokens)
    step = 1 if keep.step is None else keep.step
    return (stop - start + step - 1) // step if stop > start else 0


def _edge(edge: int | None, default: int, num_tokens: int) -> int:
    """An end of a slice, as a number in 0..N."""
    if edge is None:
        return default
    if edge < 0:
        edge = edge + num_tokens
    if edge < 0:
        return 0
    return edge if edge < num_tokens else num_tokens


def take(x: Tensor, keep: Keep | None) -> Tensor:
    """The kept tokens of (batch, N, width)."""
    return x if keep is None else x[:, keep]


def attention_mask(key_padding_mask: Tensor | None, causal: bool,
                   keep: Keep | None, num_tokens: int,
                   device: torch.device) -> Tensor | None:
    """Join padding and causality into one mask.

    Args:
        key_padding_mask: (B, N) bool, True = padding, or None.
        causal: Whether a token may look at itself and earlier ones only.
        keep: The tokens that look, as :func:`check_input` returns them.
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
