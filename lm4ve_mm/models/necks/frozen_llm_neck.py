"""A neck that holds the frozen block, the host's final norm and pooling."""

from typing import Optional, Sequence, Tuple, Union

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS

from ..layers import build_layer
from ..layouts import from_tokens, to_tokens

POOLINGS = ('cls', 'mean', 'raw')


@MODELS.register_module()
class FrozenLLMNeck(BaseModule):
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
        pooling (str): ``'cls'``: the first token. ``'mean'``: the mean of
            all but the extra tokens. ``'raw'``: everything, in the layout
            that it came in.
        num_extra_tokens (int): Class and distillation tokens at the front of
            a sequence, which ``'mean'`` leaves out. Feature maps have none.
        norm_cfg (dict, optional): The host's final norm, applied after
            pooling; None for none.
        channels_last (bool): Whether feature maps are (B, H, W, C).
        init_cfg (dict, optional): MMEngine's initialisation of the norm.

    Raises:
        ValueError: If ``pooling`` is unknown or does not fit the input.
    """

    def __init__(self,
                 in_channels: int,
                 llm: dict,
                 pooling: str = 'cls',
                 num_extra_tokens: int = 1,
                 norm_cfg: Optional[dict] = dict(type='LN', eps=1e-6),
                 channels_last: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if pooling not in POOLINGS:
            raise ValueError(f'pooling={pooling!r} is unknown; known: '
                             f'{", ".join(POOLINGS)}')
        self.pooling = pooling
        self.num_extra_tokens = num_extra_tokens
        self.channels_last = channels_last
        self.layer = build_layer(llm, in_channels)
        self.norm = nn.Identity()
        if norm_cfg is not None:
            self.norm = build_norm_layer(norm_cfg, in_channels)[1]

    def forward(
            self,
            feats: Union[Tensor, Sequence[Tensor]],
            key_padding_mask: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        """Run the layer on the last level; others pass through.

        Args:
            feats: The backbone's output: a tensor, or one per level; tokens
                (B, N, C) or feature maps (B, C, [T,] H, W).
            key_padding_mask: (B, N) bool, True = padding, or None.

        Returns:
            tuple: The levels, the last one (B, C) when pooled, otherwise in
            the layout it came in.
        """
        levels = (feats, ) if isinstance(feats, Tensor) else tuple(feats)
        last = levels[-1]
        is_map = last.dim() > 3
        if is_map and self.pooling == 'cls':
            raise ValueError(
                f'a feature map {tuple(last.shape)} has no class token: set '
                "pooling='mean' or 'raw'")
        tokens = to_tokens(last, self.channels_last)  # (B, N, C)
        keep = self._kept(is_map)
        out = self.layer(tokens, key_padding_mask, keep)
        return levels[:-1] + (self._pool(out, last, key_padding_mask, keep), )

    def _kept(self, is_map: bool) -> Optional[slice]:
        """The tokens whose output the head will see."""
        if self.pooling == 'cls':
            return slice(0, 1)
        if self.pooling == 'mean' and not is_map and self.num_extra_tokens:
            return slice(self.num_extra_tokens, None)
        return None

    def _pool(self, out: Tensor, last: Tensor,
              key_padding_mask: Optional[Tensor],
              keep: Optional[slice]) -> Tensor:
        """(B, kept, C) -> what the head takes."""
        if self.pooling == 'cls':
            return self.norm(out[:, 0])
        if self.pooling == 'raw':
            return from_tokens(self.norm(out), last, self.channels_last)
        if key_padding_mask is None:
            return self.norm(out.mean(dim=1))
        real = ~key_padding_mask  # (B, N), True where there is a token
        real = (real if keep is None else real[:, keep]).unsqueeze(-1)
        # A sample of nothing but padding has the mean zero, not NaN.
        total = (out * real).sum(dim=1)
        return self.norm(total / real.sum(dim=1).clamp(min=1))
