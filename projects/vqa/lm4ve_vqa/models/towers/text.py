"""Text encoders: RoBERTa, or any other of ``transformers``."""

from torch import Tensor

from lm4ve_mm.registry import MODELS

from .base import Tower


@MODELS.register_module()
class TextTower(Tower):
    """Tokens of a text.

    Args:
        checkpoint, config, init, obtain: See :class:`Tower`.
    """

    @property
    def vocab_size(self) -> int:
        """How many ids it knows."""
        return self.model.config.vocab_size

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode.

        Args:
            ids: (B, L) int64.
            mask: (B, L) int64, 0 on padding.

        Returns:
            Tensor: (B, L, width).
        """
        return self.model(
            input_ids=ids, attention_mask=mask).last_hidden_state
