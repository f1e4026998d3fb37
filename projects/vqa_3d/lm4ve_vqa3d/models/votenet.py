"""VoteNet: from points to proposals of objects, learnt with the answers."""

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from lm4ve_mm.registry import MODELS

from .detection_losses import detection_losses
from .pointnet2 import VOTENET, PointNet2
from .voting import Detection, ProposalHead, Voting

# Mean sizes in metres of ScanNet's 18 kinds of objects: cabinet, bed, chair,
# sofa, table, door, window, bookshelf, picture, counter, desk, curtain,
# refrigerator, shower curtain, toilet, sink, bathtub, others.
SCANNET_SIZES = (
    (0.7750491029714929, 0.9489772784305719, 0.9654205889420883),
    (1.8690326739217817, 1.8321471223511647, 1.1922299150646347),
    (0.6121477783923587, 0.6192873075057846, 0.7048084833710475),
    (1.4411389838393118, 1.6045203579823017, 0.8365229505964112),
    (1.0478072557954565, 1.2016418836390361, 0.6345700676484581),
    (0.5610123179013166, 0.6084721692226233, 1.7195040055943263),
    (1.0789489470730143, 0.8203399609681988, 1.1692119917347412),
    (0.8417109198057999, 1.3504794475570598, 1.689892503247653),
    (0.2305173710207977, 0.4764049876932717, 0.5656925618884787),
    (1.4548489887322953, 1.9711989456815506, 0.28643280467880305),
    (1.0785803060791836, 1.5370511310202535, 0.8650190604735265),
    (1.4311964378217468, 0.7692311116413818, 1.6498267253793382),
    (0.6296919388045009, 0.7087128690976665, 1.314335867333314),
    (0.4392503422374527, 0.41569593879911637, 1.7000274790657892),
    (0.5850446242623347, 0.5787843832293073, 0.7202961145680844),
    (0.5115869258698381, 0.5096067340403306, 0.3128736034402105),
    (1.1732075942887201, 1.0598714035004377, 0.5181252788752317),
    (0.43294385021345605, 0.5193350711870748, 0.4843745602902239),
)


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
        mean_sizes: (S, 3) in metres, one for each size class.
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
                 mean_sizes: Sequence[Sequence[float]] = SCANNET_SIZES,
                 levels: Sequence[Sequence] = VOTENET,
                 seed_channels: int = 256,
                 radius: float = .3,
                 neighbours: int = 16,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.backbone = PointNet2(in_channels, levels, seed_channels)
        self.voting = Voting(seed_channels)
        self.head = ProposalHead(
            seed_channels, num_proposals, out_channels, num_headings,
            len(mean_sizes), num_classes, radius, neighbours)
        # In float32 as in the reference, whatever the model is cast to.
        self.mean_sizes = torch.tensor(mean_sizes)

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
