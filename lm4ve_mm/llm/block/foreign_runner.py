"""Runs a block of transformers: the plain formula, without shortcuts."""

from typing import Any

from torch import Tensor

from ..shortcuts.run import BlockRunner
from .foreign_block import ForeignBlock
from .tokens import Keep, attention_mask


class ForeignRunner(BlockRunner):
    """Map in and a :class:`ForeignBlock`.

    Args:
        *args, **kwargs: As for :class:`BlockRunner`; ``shortcut`` is
            ``'auto'`` or ``'off'``, which are the same here.

    Raises:
        ValueError: If a keyword asks for what needs our own block.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.attention:
            raise ValueError('attention=False needs a family of our table; '
                             'this block is computed by transformers as it '
                             'is')

    def check_shortcut(self, shortcut: str) -> None:
        """Raise ValueError if the shortcut needs our own block."""
        if shortcut not in ('auto', 'off'):
            raise ValueError(
                f'shortcut={shortcut!r} needs a family of our table; this '
                "block is computed by transformers: use 'auto' or 'off'")

    def __call__(self, tokens: Tensor, key_padding_mask: Tensor | None,
                 keep: Keep | None, reuse: bool) -> Tensor:
        """As :meth:`BlockRunner.__call__`: (B, N, C) -> (B, kept, D)."""
        mask = attention_mask(key_padding_mask, self.causal, None,
                              tokens.shape[1], tokens.device)
        x = self.map_in(tokens)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, ForeignBlock)
            last = index + 1 == len(self.blocks)
            x = block(x, mask, keep if last else None)
        return x
