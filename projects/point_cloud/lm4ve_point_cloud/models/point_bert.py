"""Point-BERT: a transformer over groups of neighbouring points."""


from collections.abc import Sequence

import torch
from mmengine.model import BaseModule, ModuleList
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from torch import Tensor, nn

from lm4ve_mm.ops import farthest_point_sample, gather_points, group
from lm4ve_mm.registry import MODELS

from .mini_pointnet import MiniPointNet


class PointBERTLayer(TransformerEncoderLayer):
    """A pre-norm layer that starts as torch starts its parts.

    Point-BERT's classifier has no initialisation of its own; MMPretrain
    would draw the feed-forward part again.
    """

    def init_weights(self) -> None:
        """Initialise as ``init_cfg`` says, which by default is not at all."""
        BaseModule.init_weights(self)


@MODELS.register_module()
class PointBERT(BaseModule):
    """Backbone of the classifier "PointTransformer" of Point-BERT.

    Farthest point sampling gives G centres, each takes its k nearest points,
    a small PointNet turns a group into a token, and a class token goes in
    front (arXiv 2111.14819, section 3, and its code). Three habits of that
    code decide its numbers:

    * the position embedding is added again to the input of every layer, and
      so becomes part of the residual stream each time;
    * query, key and value have no bias, and LayerNorm's eps is 1e-5;
    * the class token starts at zero and its position at N(0, 1).

    The final norm belongs to the neck, since the frozen block comes before
    it: :class:`lm4ve_mm.models.TokenPoolingNeck` or ``FrozenLLMNeck``.

    Args:
        num_groups (int): G. Point-BERT takes 64, 128, 256 and 512 for 1024,
            2048, 4096 and 8192 points.
        group_size (int): k, the points of a group, 32 for any density.
        embed_dims (int): Width C of the tokens.
        num_layers (int): How many transformer layers.
        num_heads (int): Heads of each.
        feedforward_channels (int): Hidden width of each.
        encoder_dims (int): Width that the small PointNet gives.
        encoder_hidden (Sequence[int]): Its hidden widths.
        drop_path_rate (float): Of the last layer, 0 at the first, linear in
            between.
        skip_near_origin (bool): Whether points within 0.0316 of the origin
            are never centres, as in the kernel that upstream uses.
        init_cfg (dict, optional): MMEngine's initialisation.
    """

    def __init__(self,
                 num_groups: int = 64,
                 group_size: int = 32,
                 embed_dims: int = 384,
                 num_layers: int = 12,
                 num_heads: int = 6,
                 feedforward_channels: int = 1536,
                 encoder_dims: int = 256,
                 encoder_hidden: Sequence[int] = (128, 256, 512),
                 drop_path_rate: float = 0.1,
                 skip_near_origin: bool = True,
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.num_groups = num_groups
        self.group_size = group_size
        self.skip_near_origin = skip_near_origin
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.cls_pos = nn.Parameter(torch.randn(1, 1, embed_dims))
        self.encoder = MiniPointNet(encoder_dims, encoder_hidden)
        self.reduce_dim = nn.Linear(encoder_dims, embed_dims)
        self.pos_embed = nn.Sequential(
            nn.Linear(3, 128), nn.GELU(), nn.Linear(128, embed_dims))
        rates = torch.linspace(0, drop_path_rate, num_layers).tolist()
        self.layers = ModuleList(
            PointBERTLayer(
                embed_dims,
                num_heads,
                feedforward_channels,
                drop_path_rate=rate,
                qkv_bias=False,
                norm_cfg=dict(type='LN', eps=1e-5)) for rate in rates)

    def group(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Divide clouds into groups.

        Args:
            points: (B, P, 3).

        Returns:
            tuple: Groups (B, G, k, 3) relative to their centres, and the
            centres (B, G, 3).

        Raises:
            ValueError: If these are no clouds, or have too few points.
        """
        if points.dim() != 3 or points.shape[-1] != 3:
            raise ValueError(
                'PointBERT takes clouds (B, P, 3) of x, y, z, not '
                f'{tuple(points.shape)}')
        wanted = max(self.num_groups, self.group_size)
        if points.shape[1] < wanted:
            raise ValueError(
                f'a cloud has {points.shape[1]} points, but {self.num_groups} '
                f'groups of {self.group_size} need at least {wanted}: give '
                'more points, or set model.backbone.num_groups and group_size')
        chosen = farthest_point_sample(points, self.num_groups,
                                       self.skip_near_origin)
        centres = gather_points(points, chosen)
        return group(points, centres, self.group_size), centres

    def forward(self, points: Tensor) -> tuple[Tensor]:
        """Encode clouds.

        Args:
            points: (B, P, 3).

        Returns:
            tuple: One tensor (B, 1 + G, C): the class token, then a token
            for each group; not normed.
        """
        groups, centres = self.group(points)
        tokens = self.reduce_dim(self.encoder(groups))  # (B, G, C)
        batch = len(points)
        x = torch.cat([self.cls_token.expand(batch, -1, -1), tokens], dim=1)
        position = torch.cat(
            [self.cls_pos.expand(batch, -1, -1), self.pos_embed(centres)],
            dim=1)
        for layer in self.layers:
            x = layer(x + position)
        return (x, )
