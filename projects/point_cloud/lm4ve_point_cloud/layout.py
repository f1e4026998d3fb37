"""How the tokens of Point-BERT lie: each is the centre of a group."""

import torch
from torch import Tensor, nn

from lm4ve_mm.analysis.layouts import Layout, register_layout
from lm4ve_mm.analysis.pictures import CloudPicture
from lm4ve_mm.image.layout import last_attention
from lm4ve_mm.ops import farthest_point_sample, gather_points, knn_indices

from .models import PointBERT


@torch.no_grad()
def pictures(model: nn.Module, raw, points: Tensor,
             count: int) -> tuple[list[CloudPicture], slice]:
    """See :class:`lm4ve_mm.analysis.layouts.Layout`.

    A point belongs to the token of its nearest centre; there is a token for
    each group after the class token.
    """
    # The same centres as the backbone's: sampling is deterministic.
    chosen = farthest_point_sample(points, count - 1,
                                   model.backbone.skip_near_origin)
    centres = gather_points(points, chosen)
    nearest = knn_indices(centres, points, 1)[..., 0]  # (B, P)
    return [CloudPicture(cloud.cpu().numpy(), token.cpu().numpy())
            for cloud, token in zip(points, nearest)], slice(1, None)


register_layout(PointBERT, Layout(
    lambda model: model.backbone, pictures, last_attention))
