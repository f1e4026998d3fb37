"""A neck that holds the frozen block, the host's final norm and pooling."""


from torch import Tensor

from lm4ve_mm.registry import MODELS

from ..layers import build_layer
from .token_pooling import TokenPoolingNeck


@MODELS.register_module()
class FrozenLLMNeck(TokenPoolingNeck):
    """Frozen language-model block at the tail of any backbone.

    The block comes before the host's final norm (arXiv 2310.12973, figure 1
    and code). The neck owns that norm and the pooling too, and therefore
    knows which tokens' outputs are read: with a class token it is one, and
    the block computes that one only. Take both away from the backbone, for
    example with ``out_type='raw', final_norm=False``.

    Args:
        in_channels (int): Width C of the host's tokens.
        llm (dict): Keywords of :class:`lm4ve_mm.llm.FrozenLLMLayer`, or
            with ``type`` of another layer, such as the MLP control.
        pooling (str): See :class:`TokenPoolingNeck`, as for the other
            arguments and the errors.
        **kwargs: Passed to :class:`TokenPoolingNeck`.
    """

    def __init__(self,
                 in_channels: int,
                 llm: dict,
                 pooling: str = 'cls',
                 **kwargs) -> None:
        super().__init__(in_channels, pooling, **kwargs)
        self.layer = build_layer(llm, in_channels)

    def _mix(self, tokens: Tensor, key_padding_mask: Tensor | None,
             keep: slice | None) -> Tensor:
        """(B, N, C) -> (B, kept, C), through the layer."""
        return self.layer(tokens, key_padding_mask, keep)
