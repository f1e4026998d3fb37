"""The host alone, in the place of the layer."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from .block.tokens import Keep, check_input, take
from .errors import BlockMismatchError


class NoLayer(nn.Module):
    """Gives the tokens back: a host without anything inserted.

    With it a config keeps its neck, and the control "host alone" differs
    from its twin by ``llm`` alone.

    Args:
        embed_dims: Width of the host's tokens.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.embed_dims = embed_dims

    def forward(self,
                tokens: Tensor,
                key_padding_mask: Tensor | None = None,
                keep: Keep | Sequence[int] | None = None) -> Tensor:
        """Same call as the frozen layer.

        Args:
            tokens: (B, N, embed_dims).
            key_padding_mask: (B, N) bool; checked, otherwise unused.
            keep: Which tokens are wanted; None means all.

        Returns:
            Tensor: (B, N or kept, embed_dims).
        """
        keep = check_input(tokens, key_padding_mask, keep, self.embed_dims)
        return take(tokens, keep)

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor],
                              prefix: str, *args: Any) -> None:
        """Refuse the weights of a layer."""
        found = [name for name in state_dict if name.startswith(prefix)]
        if found:
            raise BlockMismatchError(
                f'These weights belong to a model with a layer ({found[0]}), '
                "but here the host is alone (llm: type='lm4ve_mm.NoLayer')")
        super()._load_from_state_dict(state_dict, prefix, *args)
