"""The host's final norm and pooling, taken away from the backbone."""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from lm4ve_mm.registry import MODELS

from ..token_layouts import from_tokens, to_tokens

POOLINGS = ('cls', 'mean', 'cls_max', 'raw')
# These read the first token, which a feature map has not.
WITH_CLASS_TOKEN = ('cls', 'cls_max')


@MODELS.register_module()
class TokenPoolingNeck(BaseModule):
    """Final norm and pooling of a host's tokens, without a block.

    The twin of :class:`FrozenLLMNeck` for baselines: same names in the state
    dict, same function but for the inserted layer.

    Args:
        in_channels (int): Width C of the host's tokens.
        pooling (str): ``'cls'``: the first token. ``'mean'``: the mean of
            all but the extra tokens. ``'cls_max'``: the first token beside
            the maximum over all but the extra tokens, 2 C wide, as Point-BERT
            (arXiv 2111.14819) classifies. ``'raw'``: everything, in the
            layout that it came in.
        num_extra_tokens (int): Class and distillation tokens at the front of
            a sequence, which ``'mean'`` and the maximum leave out. Feature
            maps have none.
        norm_cfg (dict, optional): The host's final norm, applied to what is
            pooled, by ``'cls_max'`` to the tokens before the maximum; None
            for none.
        channels_last (bool): Whether feature maps are (B, H, W, C).
        init_cfg (dict, optional): MMEngine's initialisation of the norm.

    Raises:
        ValueError: If ``pooling`` is unknown or does not fit the input.
    """

    def __init__(self,
                 in_channels: int,
                 pooling: str = 'cls',
                 num_extra_tokens: int = 1,
                 norm_cfg: dict | None = dict(type='LN', eps=1e-6),
                 channels_last: bool = False,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if pooling not in POOLINGS:
            raise ValueError(f'pooling={pooling!r} is unknown; known: '
                             f'{", ".join(POOLINGS)}')
        if pooling == 'cls_max' and num_extra_tokens < 1:
            raise ValueError(
                "pooling='cls_max' reads a class token, but num_extra_tokens="
                f'{num_extra_tokens} says that there is none')
        self.pooling = pooling
        self.num_extra_tokens = num_extra_tokens
        self.channels_last = channels_last
        self.norm = nn.Identity()
        if norm_cfg is not None:
            self.norm = build_norm_layer(norm_cfg, in_channels)[1]

    def forward(
            self,
            feats: Tensor | Sequence[Tensor],
            key_padding_mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Pool the last level; others pass through.

        Args:
            feats: The backbone's output: a tensor, or one per level; tokens
                (B, N, C) or feature maps (B, C, [T,] H, W).
            key_padding_mask: (B, N) bool, True = padding, or None.

        Returns:
            tuple: The levels, the last one (B, C) or (B, 2 C) when pooled,
            otherwise in the layout it came in.
        """
        levels = (feats, ) if isinstance(feats, Tensor) else tuple(feats)
        last = levels[-1]
        is_map = last.dim() > 3
        if is_map and self.pooling in WITH_CLASS_TOKEN:
            raise ValueError(
                f'a feature map {tuple(last.shape)} has no class token: set '
                "pooling='mean' or 'raw'")
        tokens = to_tokens(last, self.channels_last)  # (B, N, C)
        keep = self._kept(is_map)
        out = self._mix(tokens, key_padding_mask, keep)  # (B, kept, C)
        return levels[:-1] + (self._pool(out, last, key_padding_mask, keep), )

    def _mix(self, tokens: Tensor, key_padding_mask: Tensor | None,
             keep: slice | None) -> Tensor:
        """(B, N, C) -> (B, kept, C); here nothing but the choice."""
        return tokens if keep is None else tokens[:, keep]

    def _kept(self, is_map: bool) -> slice | None:
        """The tokens whose output the head will see."""
        extra = self.num_extra_tokens
        if self.pooling == 'cls':
            return slice(0, 1)
        if self.pooling == 'mean' and not is_map and extra:
            return slice(extra, None)
        return None

    def _pool(self, out: Tensor, last: Tensor,
              key_padding_mask: Tensor | None,
              keep: slice | None) -> Tensor:
        """(B, kept, C) -> what the head takes."""
        if self.pooling == 'cls':
            return self.norm(out[:, 0])
        if self.pooling == 'raw':
            return from_tokens(self.norm(out), last, self.channels_last)
        if self.pooling == 'cls_max':
            return self._class_and_maximum(self.norm(out), key_padding_mask)
        if key_padding_mask is None:
            return self.norm(out.mean(dim=1))
        real = ~key_padding_mask  # (B, N), True where there is a token
        real = (real if keep is None else real[:, keep]).unsqueeze(-1)
        # A sample of nothing but padding has the mean zero, not NaN.
        total = (out * real).sum(dim=1)
        return self.norm(total / real.sum(dim=1).clamp(min=1))

    def _class_and_maximum(self, out: Tensor,
                           key_padding_mask: Tensor | None) -> Tensor:
        """(B, N, C) -> (B, 2 C)."""
        others = out[:, self.num_extra_tokens:]  # (B, N - extra, C)
        if key_padding_mask is not None:
            padded = key_padding_mask[:, self.num_extra_tokens:, None]
            others = others.masked_fill(padded, -torch.inf)
            # Here too, nothing but padding gives zero.
            others = others.masked_fill(padded.all(1, keepdim=True), 0)
        return torch.cat([out[:, 0], others.max(dim=1).values], dim=-1)
