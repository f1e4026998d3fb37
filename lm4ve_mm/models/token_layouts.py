"""Hosts' outputs as token sequences, and back."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor


def to_tokens(x: Tensor, channels_last: bool = False) -> Tensor:
    """Flatten space (and time) into one sequence of tokens.

    Args:
        x: (B, N, C) tokens, or a feature map (B, C, [T,] H, W).
        channels_last: Whether a map is (B, [T,] H, W, C) instead.

    Returns:
        Tensor: (B, N, C).

    Raises:
        ValueError: If ``x`` is neither; a pooled (B, C) for example.
    """
    if x.dim() == 3:
        return x
    if x.dim() not in (4, 5):
        raise ValueError(
            f'a host gave a tensor of shape {tuple(x.shape)}; the layer takes '
            'tokens (B, N, C) or a feature map (B, C, [T,] H, W). If the '
            "backbone pools, tell it not to (out_type='raw', "
            'gap_before_final_norm=False, or the like)')
    if channels_last:
        return x.flatten(1, -2)
    return x.flatten(2).transpose(1, 2)


def from_tokens(tokens: Tensor,
                like: Tensor,
                channels_last: bool = False) -> Tensor:
    """Give all N tokens the shape that they came in.

    Args:
        tokens: (B, N, C).
        like: What :func:`to_tokens` was given.
        channels_last: As there.
    """
    if like.dim() == 3:
        return tokens
    if channels_last:
        return tokens.reshape(like.shape)
    return tokens.transpose(1, 2).reshape(like.shape)


def first_tensor(output: Any) -> tuple[Tensor, bool]:
    """The tensor in a module's input, and whether it came in a tuple.

    Raises:
        TypeError: If there is no tensor at the front.
    """
    nested = isinstance(output, (tuple, list))
    tensor = output[0] if nested and output else output
    if not isinstance(tensor, Tensor):
        raise TypeError(
            'a module after which the layer is inserted must give a tensor, '
            f'or a tuple that begins with one, not {type(tensor).__name__}')
    return tensor, nested


def only_tensor(output: Any, index: int | None = None) -> Tensor:
    """The one tensor of tokens in a module's output.

    Args:
        output: A tensor, or a tuple with other things beside it. A tensor
            that is in the tuple twice counts once.
        index: Which item of the tuple it is, where there are several.

    Raises:
        TypeError: If there is no tensor where it should be.
        ValueError: If there are several, and no ``index`` chooses; or if
            that chooses none.
    """
    nested = isinstance(output, (tuple, list))
    if index is not None:
        return _chosen(output if nested else (output, ), index)
    if not nested:
        return first_tensor(output)[0]
    held = {id(item): item for item in output if _is_map(item)}
    if len(held) > 1:
        raise ValueError(
            'the module after which the layer is inserted gives several '
            f'tensors ({_places(output)}), and which of them goes on is not '
            'known: choose with output_index=N, or insert after another '
            'module. Where one goes on to the next stage and one to the '
            'head, the last block inside the module reaches both')
    if held:
        return next(iter(held.values()))
    return first_tensor(output)[0]


def _is_map(item: Any) -> bool:
    """Whether it may hold tokens."""
    return isinstance(item, Tensor) and item.dim() > 2


def _places(items: Sequence) -> str:
    """Where the first of each tensor is, and its shape."""
    first = {id(item): (place, item)
             for place, item in reversed(list(enumerate(items)))
             if _is_map(item)}
    return ', '.join(f'{place}: {tuple(item.shape)}' for place, item in sorted(
        first.values(), key=lambda pair: pair[0])) or 'none'


def _chosen(items: Sequence, index: int) -> Tensor:
    """The item that ``output_index`` names, if it is a tensor."""
    if -len(items) <= index < len(items) and _is_map(items[index]):
        return items[index]
    raise ValueError(
        f'output_index={index} names no tensor of tokens among the '
        f'{len(items)} items that the module gives; there are '
        f'{_places(items)}')


def replaced(output: Any, old: Tensor, new: Tensor) -> Any:
    """The same output with another tensor, wherever the old one is in it."""
    if output is old:
        return new
    items = [new if item is old else item for item in output]
    return (type(output)(*items) if hasattr(output, '_fields')
            else type(output)(items))
