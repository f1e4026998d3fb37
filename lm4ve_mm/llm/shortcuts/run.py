"""Runs the blocks of a layer in the way that costs least."""

from typing import cast

import torch
from torch import Tensor, nn

from ..block.recording import is_recording
from ..block.rotary import rotary_phase
from ..block.tokens import Keep, attention_mask, count_kept, take
from ..block.transformer_block import TransformerBlock
from ..maps import LinearMap
from .absorb import absorbed_block, absorbed_first_block
from .fold import FoldCache, fold, folded_block
from .plans import PLAIN, SHORTCUTS, Call, Plan, can_absorb, choose_plans
from .projections import TwoSteps, normed_map


class BlockRunner:
    """Map in and blocks, run as the plain formula or by a shortcut.

    It owns no weights and is no module, so that it adds no names to a state
    dict.

    Args:
        blocks: One or more of :class:`TransformerBlock`.
        map_in: The map from the host's width to theirs.
        shortcut: A key of :data:`.plans.SHORTCUTS`.
        rope: Base of the rotary phase; None leaves the phase out.
        causal: Whether a token sees only itself and earlier ones.
        attention: Whether the blocks have attention.

    Raises:
        ValueError: If the shortcut is unknown or does not hold here.
    """

    def __init__(self,
                 blocks: nn.ModuleList,
                 map_in: LinearMap,
                 shortcut: str = 'auto',
                 rope: float | None = None,
                 causal: bool = False,
                 attention: bool = True) -> None:
        self.blocks = blocks
        self.map_in = map_in
        self.geometry = cast(TransformerBlock, blocks[0]).geometry
        self.rope = rope
        self.causal = causal
        self.attention = attention
        self.absorbs = can_absorb(self.geometry, rope is not None)
        self.cache = FoldCache()
        self.shortcut = shortcut

    @property
    def shortcut(self) -> str:
        """How the function is computed; see the layer's keyword."""
        return self._shortcut

    @shortcut.setter
    def shortcut(self, shortcut: str) -> None:
        self.check_shortcut(shortcut)
        self._shortcut = shortcut

    def check_shortcut(self, shortcut: str) -> None:
        """Raise ValueError if the blocks cannot be run in that way."""
        if shortcut not in SHORTCUTS:
            raise ValueError(f'shortcut={shortcut!r} is unknown; known: '
                             f'{", ".join(SHORTCUTS)}')
        forced = SHORTCUTS[shortcut]
        if forced is not None and forced.absorb and not self.absorbs:
            raise ValueError(
                f'shortcut={shortcut!r} does not hold with a rotary phase or '
                "norms of keys; use 'auto', 'fold' or 'off'")

    def around(self, blocks: nn.ModuleList,
               map_in: LinearMap) -> 'BlockRunner':
        """The same way to run other modules."""
        return type(self)(blocks, map_in, self.shortcut, self.rope,
                          self.causal, self.attention)

    def __call__(self, tokens: Tensor, key_padding_mask: Tensor | None,
                 keep: Keep | None, reuse: bool) -> Tensor:
        """Map in and run every block; only the last one skips tokens.

        Args:
            tokens: (B, N, C), of the host.
            key_padding_mask: (B, N) bool, True = padding, or None.
            keep: As :func:`.tokens.check_input` returns it.
            reuse: Whether products of weights may be kept for later calls.

        Returns:
            Tensor: (B, kept, D).
        """
        blocks = [cast(TransformerBlock, block) for block in self.blocks]
        if not self.attention:
            x = self.map_in(take(tokens, keep))
            for block in blocks:
                x = block.finish(x, None)
            return x
        # Kept products have no gradient, and a recorded graph cannot check
        # whether a weight has changed.
        reuse = reuse and not (torch.is_grad_enabled() or is_recording())
        first, last = self._plan(tokens.shape, keep, reuse)
        phase = self._phase(tokens)
        x = tokens
        for index, block in enumerate(blocks):
            is_last = index + 1 == len(blocks)
            wanted = keep if is_last else None
            mask = attention_mask(key_padding_mask, self.causal, wanted,
                                  tokens.shape[1], tokens.device)
            if index == 0:
                x = self._first(x, mask, wanted, phase, first, reuse)
            elif is_last and last.absorb:
                x = absorbed_block(block, x, mask, wanted)
            else:
                x = block(x, mask, wanted, phase)
        return x

    def _first(self, tokens: Tensor, mask: Tensor | None, keep: Keep | None,
               phase: Tensor | None, plan: Plan, reuse: bool) -> Tensor:
        """``block(map_in(tokens), mask, keep, phase)``, as ``plan`` says."""
        block, map_in = cast(TransformerBlock, self.blocks[0]), self.map_in
        if plan == PLAIN:
            return block(map_in(tokens), mask, keep, phase)
        if not plan.fold:
            entry = normed_map(map_in, block)
            steps = TwoSteps(block.attn, entry, entry.gram(), entry.eps)
            return absorbed_first_block(block, map_in, steps, tokens, mask,
                                        keep)
        if reuse:
            folded = self.cache.get(block, map_in)
        else:
            folded = fold(block.attn, normed_map(map_in, block), plan.absorb)
        if plan.absorb:
            return absorbed_first_block(block, map_in, folded, tokens, mask,
                                        keep)
        return folded_block(block, map_in, folded, tokens, mask, keep, phase)

    def _plan(self, shape: torch.Size, keep: Keep | None,
              reuse: bool) -> tuple[Plan, Plan]:
        """Plans of the first and of the last block."""
        batch, count, width = shape
        # A graph that is exported for any batch size is planned for 32.
        batch = batch if isinstance(batch, int) else 32
        call = Call(width, batch, count, count_kept(keep, count),
                    torch.is_grad_enabled(), reuse)
        return choose_plans(self.shortcut, self.geometry, self.absorbs, call,
                            len(self.blocks))

    def _phase(self, tokens: Tensor) -> Tensor | None:
        """Rotary phase (2, N, rope_dims), or None."""
        if self.rope is None:
            return None
        geometry = self.geometry
        longest = geometry.rope_longest
        if longest is not None and tokens.shape[1] > longest:
            raise ValueError(
                f'{tokens.shape[1]} tokens are more than the {longest} up to '
                'which the rotary phase of this language model is the plain '
                'one: use rope=False, or fewer tokens')
        return rotary_phase(tokens.shape[1], geometry.rope_dims, self.rope,
                            tokens, geometry.rope_factor, geometry.rope_bands)
