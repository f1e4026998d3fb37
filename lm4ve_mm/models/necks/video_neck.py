"""The neck in the words of MMAction2's recognizers."""

from collections.abc import Sequence

from torch import Tensor

from lm4ve_mm.registry import MODELS

from .frozen_llm_neck import FrozenLLMNeck


@MODELS.register_module()
class FrozenLLMVideoNeck(FrozenLLMNeck):
    """:class:`FrozenLLMNeck` between a video backbone and its head.

    MMAction2 hands a neck the data samples and expects a pair: features and
    auxiliary losses, of which there are none here. Its heads take one tensor
    rather than a tuple of levels.

    VideoMAE has no class token, and its head reads the mean over all tokens:
    the defaults differ accordingly.

    Args:
        in_channels (int): Width C of the host's tokens.
        llm (dict): See :class:`FrozenLLMNeck`.
        pooling (str): See :class:`TokenPoolingNeck`; ``'raw'`` keeps the
            map (B, C, T, H, W) for a head that pools by itself.
        num_extra_tokens (int): As there.
        **kwargs: Passed to :class:`FrozenLLMNeck`.
    """

    def __init__(self,
                 in_channels: int,
                 llm: dict,
                 pooling: str = 'mean',
                 num_extra_tokens: int = 0,
                 **kwargs) -> None:
        super().__init__(
            in_channels,
            llm,
            pooling,
            num_extra_tokens=num_extra_tokens,
            **kwargs)

    def forward(
        self,
        feats: Tensor | Sequence[Tensor],
        data_samples: Sequence | None = None,
        key_padding_mask: Tensor | None = None
    ) -> tuple[Tensor | tuple[Tensor, ...], dict]:
        """Pool the last level.

        Args:
            feats: The backbone's output: a tensor, or one per level; tokens
                (B, N, C) or maps (B, C, T, H, W). B counts every view.
            data_samples: What MMAction2 knows of each sample; not used.
            key_padding_mask: (B, N) bool, True = padding, or None.

        Returns:
            tuple: The features, (B, C) when pooled, in a tuple only if
            there were several levels; and no auxiliary losses.
        """
        levels = super().forward(feats, key_padding_mask)
        return levels[0] if len(levels) == 1 else levels, dict()
