"""Positions of another image size or window."""

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor, nn

TABLE = 'relative_position_bias_table'
INDEX = 'relative_position_index'


def of_class_token(weights: Mapping[str, Tensor], own: Mapping[str, tuple],
                   module: nn.Module) -> dict[str, Tensor]:
    """Add or drop the position of the class token, as the host needs it.

    The ViTs of timm with ``no_embed_class``, DeiT III among them, add
    positions to the patches alone: a class token's position of zero is the
    same function. A host without a class token has no use for its position.

    Args:
        weights: Name in the host -> tensor.
        own: Name in the host -> shape.
        module: The host.

    Returns:
        dict: The position embedding by its name; nothing where it fits.
    """
    name = next((n for n in weights if n.endswith('pos_embed')), None)
    if name is None or len(own[name]) != 3 or weights[name].ndim != 3:
        return {}
    table, extra = weights[name], _extra(module)
    if extra == 1 and _is_square(table.shape[1]) and not _is_square(
            own[name][1]):
        return {name: torch.cat([torch.zeros_like(table[:, :1]), table], 1)}
    if extra == 0 and _is_square(table.shape[1] - 1) and not _is_square(
            table.shape[1]):
        return {name: table[:, 1:]}
    return {}


def _is_square(length: int) -> bool:
    return isqrt(length)**2 == length


def resizable(weights: Mapping[str, Tensor], own: Mapping[str, tuple],
              module: nn.Module) -> dict[str, tuple[int, int]]:
    """Positions that are there for another grid than the host's.

    Position embeddings are resized by MMPretrain's hosts when they load,
    tables of relative positions by :func:`of_window`.

    Args:
        weights: Name in the host -> tensor.
        own: Name in the host -> shape.
        module: The host.

    Returns:
        dict: Name -> sides of the file's grid and of the host's.
    """
    found = {}
    for name, tensor in weights.items():
        shape, wanted = tuple(tensor.shape), own[name]
        if shape == wanted or len(shape) != len(wanted):
            continue
        owner = module.get_submodule(name.rpartition('.')[0])
        if name.endswith('pos_embed') and hasattr(owner, 'resize_pos_embed'):
            extra, axis = _extra(module), 1  # (1, extra + grid, C)
        elif name.endswith(TABLE):
            extra, axis = 0, 0  # (grid, heads)
        else:
            continue
        lengths = [given[axis] - extra for given in (shape, wanted)]
        rest = [given[:axis] + given[axis + 1:] for given in (shape, wanted)]
        if min(lengths) > 0 and all(map(_is_square, lengths)) and (
                rest[0] == rest[1]):
            found[name] = (isqrt(lengths[0]), isqrt(lengths[1]))
    return found


def of_window(weights: Mapping[str, Tensor], module: nn.Module,
              grids: Mapping[str, tuple[int, int]]) -> dict[str, Tensor]:
    """Resize tables of relative positions, bicubic, as Swin's authors do.

    MMPretrain's own way needs a function that SciPy 1.14 has removed.

    Args:
        weights: Name in the host -> tensor.
        module: The host.
        grids: What :func:`resizable` gave.

    Returns:
        dict: The tables by their names, and the host's own indices into
        them.
    """
    buffers = dict(module.named_buffers())
    found = {}
    for name, (old, new) in grids.items():
        if not name.endswith(TABLE):
            continue
        grid = weights[name].t().reshape(1, -1, old, old)
        grid = nn.functional.interpolate(grid, (new, new), mode='bicubic')
        found[name] = grid.flatten(2)[0].t()
        index = name.removesuffix(TABLE) + INDEX
        if index in buffers:
            found[index] = buffers[index]
    return found


def described(grids: Mapping[str, tuple[int, int]]) -> str:
    """Say what is resized, for the log; ``''`` for nothing."""
    kinds = {(name.rpartition('.')[2], grid) for name, grid in grids.items()}
    return ''.join(f' Resized: {name} from {old}x{old} to {new}x{new}.'
                   for name, (old, new) in sorted(kinds))


def _extra(module: nn.Module) -> int:
    """Number of tokens before the patches."""
    return next((part.num_extra_tokens for part in module.modules()
                 if hasattr(part, 'num_extra_tokens')), 0)
