"""Runs a block of transformers: the plain formula, without shortcuts."""

from torch import Tensor, nn

from ..maps import LinearMap
from ..shortcuts.fold import FoldCache
from .foreign_block import ForeignBlock
from .tokens import Keep, attention_mask


class ForeignRunner:
    """Map in and block; like :class:`~..shortcuts.run.BlockRunner`.

    Args:
        blocks: One :class:`ForeignBlock`.
        map_in: The map from the host's width to its.
        shortcut: ``'auto'`` or ``'off'``, which are the same here.
        rope: Base of the rotary phase: None, it has been refused before.
        causal: Whether a token sees only itself and earlier ones.
        attention: Whether the block has attention.

    Raises:
        ValueError: If a keyword asks for what needs our own block.
    """

    def __init__(self, blocks: nn.ModuleList, map_in: LinearMap,
                 shortcut: str = 'auto', rope: float | None = None,
                 causal: bool = False, attention: bool = True) -> None:
        if not attention:
            raise ValueError('attention=False needs a family of our table; '
                             'this block is computed by transformers as it '
                             'is')
        self.blocks, self.map_in = blocks, map_in
        self.causal = causal
        self.cache = FoldCache()
        self.shortcut = shortcut

    @property
    def shortcut(self) -> str:
        """How the function is computed; see the layer's keyword."""
        return self._shortcut

    @shortcut.setter
    def shortcut(self, shortcut: str) -> None:
        if shortcut not in ('auto', 'off'):
            raise ValueError(
                f'shortcut={shortcut!r} needs a family of our table; this '
                "block is computed by transformers: use 'auto' or 'off'")
        self._shortcut = shortcut

    def around(self, blocks: nn.ModuleList,
               map_in: LinearMap) -> 'ForeignRunner':
        """The same way to run other modules."""
        return ForeignRunner(blocks, map_in, self.shortcut, None, self.causal)

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
