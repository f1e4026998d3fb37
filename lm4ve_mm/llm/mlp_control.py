"""Layers to compare with: the same place in the host, no language model."""

from typing import Optional, Sequence, Union

import torch.nn.functional as F
from torch import Tensor, nn

from .maps import build_maps
from .block.tokens import Keep, check_tokens, normalise_keep


class MLPLayer(nn.Module):
    """The MLP control of arXiv 2310.12973, section 5.

    The blocks are taken out; GELU and LayerNorm stand between the two maps,
    so that the number of trained parameters is the same but for the norm's.

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
                key_padding_mask: Optional[Tensor] = None,
                keep: Union[None, Keep, Sequence[int]] = None) -> Tensor:
        """Same call as the frozen layer; padding does not matter to it.

        Args:
            tokens: (B, N, embed_dims).
            key_padding_mask: (B, N) bool; checked, otherwise unused.
            keep: Which tokens are wanted; None means all.

        Returns:
            Tensor: (B, N or kept, embed_dims).
        """
        check_tokens(tokens, self.embed_dims, key_padding_mask)
        keep = normalise_keep(keep, tokens.shape[1], tokens.device)
        kept = tokens if keep is None else tokens[:, keep]
        return self.map_out(self.norm(F.gelu(self.map_in(kept))))
