"""Where the frozen block goes among tokens that a model handles itself."""

from mmengine.model import BaseModule
from torch import Tensor

from lm4ve_mm.models.layers import build_layer
from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class TokenInsertNeck(BaseModule):
    """The layer around the block, fed with padded tokens.

    Args:
        in_channels: Width of the tokens; the model fills it in.
        llm: Keywords of :class:`lm4ve_mm.llm.FrozenLLMLayer`, or of the
            class that its ``type`` names. ``norm_out=True`` puts a
            LayerNorm behind it, as RealMotionPanGu has.
    """

    def __init__(self, in_channels: int, llm: dict) -> None:
        super().__init__()
        self.layer = build_layer(llm, in_channels)

    def forward(self, tokens: Tensor, valid: Tensor | None = None,
                keep: slice | Tensor | None = None) -> Tensor:
        """Run the layer; only the kept tokens are computed.

        Args:
            tokens: (B, N, C).
            valid: (B, N) bool, False on padding; None where there is none.
            keep: Which outputs are wanted.

        Returns:
            Tensor: (B, kept, C).
        """
        return self.layer(tokens, None if valid is None else ~valid, keep)
