"""Votes for the centres of objects, and proposals out of them."""

from typing import NamedTuple

from torch import Tensor, nn

from .set_abstraction import SetAbstraction


class Detection(NamedTuple):
    """What a detector finds: K proposals in each scene.

    Attributes:
        seeds: (B, S, 3) points that vote.
        seed_indices: (B, S) of them in the cloud.
        votes: (B, S, 3).
        anchors: (B, K, 3) votes around which the others are gathered.
        features: (B, K, D), what the question is answered from.
        objectness: (B, K, 2) logits of nothing and object.
        centres: (B, K, 3).
        heading_scores: (B, K, H).
        heading_residuals: (B, K, H), as a part of half a bin.
        size_scores: (B, K, S).
        size_residuals: (B, K, S, 3), as a part of the mean size.
        class_scores: (B, K, classes).
    """

    seeds: Tensor
    seed_indices: Tensor
    votes: Tensor
    anchors: Tensor
    features: Tensor
    objectness: Tensor
    centres: Tensor
    heading_scores: Tensor
    heading_residuals: Tensor
    size_scores: Tensor
    size_residuals: Tensor
    class_scores: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, K) bool, True for a proposal that holds an object."""
        return self.objectness.argmax(-1) == 1


def on_rows(layers: nn.Sequential, x: Tensor) -> Tensor:
    """Apply layers, batch norms among them, to (..., C)."""
    return layers(x.flatten(0, -2)).view(*x.shape[:-1], -1)


class Voting(nn.Module):
    """Each seed votes for a centre; its features are normalised to length 1.

    Args:
        channels: Width of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(channels, channels), nn.BatchNorm1d(channels),
            nn.ReLU(inplace=True), nn.Linear(channels, channels),
            nn.BatchNorm1d(channels), nn.ReLU(inplace=True),
            nn.Linear(channels, 3 + channels))

    def forward(self, places: Tensor,
                features: Tensor) -> tuple[Tensor, Tensor]:
        """Votes (B, S, 3) and their features (B, S, C), length 1."""
        offsets, residual = on_rows(self.mlp, features).split(
            (3, features.shape[-1]), -1)
        features = features + residual
        return places + offsets, features / features.norm(dim=-1, keepdim=True)


class ProposalHead(nn.Module):
    """Gather votes, and read a proposal from each group.

    Args:
        in_channels: Width of the votes' features.
        num: K.
        channels: D.
        num_headings: H, bins of the heading.
        num_sizes: S, mean sizes.
        num_classes: Semantic classes.
        radius: In metres.
        neighbours: Votes for each proposal.
    """

    def __init__(self, in_channels: int, num: int = 256, channels: int = 128,
                 num_headings: int = 1, num_sizes: int = 18,
                 num_classes: int = 18, radius: float = .3,
                 neighbours: int = 16) -> None:
        super().__init__()
        self.num_sizes = num_sizes
        self.parts = (2, 3, num_headings, num_headings, num_sizes,
                      3 * num_sizes, num_classes)
        self.gather = SetAbstraction(in_channels, num, radius, neighbours,
                                     (channels, ) * 3)
        self.mlp = nn.Sequential(
            nn.Linear(channels, channels, bias=False),
            nn.BatchNorm1d(channels), nn.ReLU(inplace=True),
            nn.Linear(channels, channels, bias=False),
            nn.BatchNorm1d(channels), nn.ReLU(inplace=True),
            nn.Linear(channels, sum(self.parts)))

    def forward(self, votes: Tensor, features: Tensor) -> dict[str, Tensor]:
        """The fields of :class:`Detection` from ``anchors`` on."""
        anchors, features, _ = self.gather(votes, features)
        (objectness, offsets, heading_scores, heading_residuals, size_scores,
         size_residuals, class_scores) = on_rows(
             self.mlp, features).split(self.parts, -1)
        return dict(
            anchors=anchors, features=features, objectness=objectness,
            centres=anchors + offsets, heading_scores=heading_scores,
            heading_residuals=heading_residuals, size_scores=size_scores,
            size_residuals=size_residuals.unflatten(
                -1, (self.num_sizes, 3)),
            class_scores=class_scores)
