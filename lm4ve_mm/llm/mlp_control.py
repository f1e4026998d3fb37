"""Control for the frozen layer: the same place, no language model."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .block.tokens import Keep, check_input, take
from .errors import BlockMismatchError
from .maps import build_maps

# Prefixes of names that only a FrozenLLMLayer saves.
BLOCK_MARKS = ('block_identity', 'layer_function', 'blocks.')


class MLPLayer(nn.Module):
    """The MLP control of arXiv 2310.12973, section 5.

    GELU and LayerNorm take the place of the blocks between the two maps. The
    number of trained parameters is the same but for the norm's.

    Args:
        embed_dims: Width of the host's tokens.
        hidden_dims: Width between the maps: that of the language model.
        map_bias, map_init: As in :class:`lm4ve_mm.llm.FrozenLLMLayer`.
    """

    def __init__(self,
                 embed_dims: int,
                 hidden_dims: int,
                 map_bias: bool = False,
                 map_init: str = 'trunc_normal') -> None:
        super().__init__()
        self.embed_dims = embed_dims
        self.map_in, self.map_out = build_maps(embed_dims, hidden_dims,
                                               map_bias, map_init)
        self.norm = nn.LayerNorm(hidden_dims)

    def forward(self,
                tokens: Tensor,
                key_padding_mask: Tensor | None = None,
                keep: Keep | Sequence[int] | None = None) -> Tensor:
        """Same call as the frozen layer; padding does not matter to it.

        Args:
            tokens: (B, N, embed_dims).
            key_padding_mask: (B, N) bool; checked, otherwise unused.
            keep: Which tokens are wanted; None means all.

        Returns:
            Tensor: (B, N or kept, embed_dims).
        """
        keep = check_input(tokens, key_padding_mask, keep, self.embed_dims)
        kept = take(tokens, keep)
        return self.map_out(self.norm(F.gelu(self.map_in(kept))))

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor],
                              prefix: str, *args: Any) -> None:
        """Refuse the maps of a language-model block."""
        of_block = [name for name in state_dict if name.startswith(
            tuple(prefix + mark for mark in BLOCK_MARKS))]
        if of_block:
            raise BlockMismatchError(
                f'These weights belong to a FrozenLLMLayer ({of_block[0]}), '
                'this model has an MLPLayer in its place: take '
                "type='lm4ve_mm.MLPLayer' out of its llm config")
        super()._load_from_state_dict(state_dict, prefix, *args)
