"""VoteNet: from points to proposals of objects, learnt with the answers."""

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from lm4ve_mm.registry import MODELS

from ..datasets.classes import MEAN_SIZES
from .detection_losses import detection_losses
from .pointnet2 import VOTENET, PointNet2
from .voting import Detection, ProposalHead, Voting


@MODELS.register_module()
class VoteNet(BaseModule):
    """PointNet++, voting and proposals.

    Args:
        in_channels: Features of a point beside its coordinates: 4 for colour
            and height, 1 for height alone.
        num_proposals: K.
        out_channels: Width D of the proposals' features.
        num_headings: Bins of the heading; 1 for boxes along the axes.
        num_classes: Semantic classes.
        mean_sizes: (S, 3) in metres, one for each size class; by default
            ScanNet's 18.
        levels: Of :class:`PointNet2`, each ``(num, radius, neighbours,
            widths)``.
        seed_channels: Width of the seeds' features.
        radius: Around a vote, in metres.
        neighbours: Votes that make a proposal.
        init_cfg: MMEngine's initialisation.
    """

    def __init__(self,
                 in_channels: int = 4,
                 num_proposals: int = 256,
                 out_channels: int = 128,
                 num_headings: int = 1,
                 num_classes: int = 18,
                 mean_sizes: Sequence[Sequence[float]] | None = None,
                 levels: Sequence[Sequence] = VOTENET,
                 seed_channels: int = 256,
                 radius: float = .3,
                 neighbours: int = 16,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.out_channels = in_channels, out_channels
        # In float32 as in the reference, whatever the model is cast to.
        self.mean_sizes = torch.tensor(
            MEAN_SIZES if mean_sizes is None else mean_sizes)
        self.backbone = PointNet2(in_channels, levels, seed_channels)
        self.voting = Voting(seed_channels)
        self.head = ProposalHead(
            seed_channels, num_proposals, out_channels, num_headings,
            len(self.mean_sizes), num_classes, radius, neighbours)

    def forward(self, points: Tensor) -> Detection:
        """Detect in (B, N, 3 + in_channels) points.

        Raises:
            ValueError: If the points have another number of columns.
        """
        if points.ndim != 3 or points.shape[-1] != 3 + self.in_channels:
            raise ValueError(
                f'points are {tuple(points.shape)}, but the detector takes '
                f'(B, N, {3 + self.in_channels}): three coordinates and '
                f'in_channels={self.in_channels} features. Set in_channels '
                'of the detector, or the columns that the pipeline keeps')
        seeds = self.backbone(points)
        votes, features = self.voting(seeds.places, seeds.features)
        return Detection(seeds=seeds.places, seed_indices=seeds.indices,
                         votes=votes, **self.head(votes, features))

    def loss(self, found: Detection,
             targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See :func:`detection_losses`."""
        sizes = self.mean_sizes.to(found.centres)
        return detection_losses(found, targets, sizes)
