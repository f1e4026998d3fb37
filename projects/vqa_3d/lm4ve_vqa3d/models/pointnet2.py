"""PointNet++ as the backbone of a detector: points to seeds."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from .set_abstraction import FeaturePropagation, SetAbstraction


class Level(NamedTuple):
    """One set abstraction.

    Attributes:
        num: Centres.
        radius: In metres.
        neighbours: Points for each centre.
        widths: Of the shared MLP.
    """

    num: int
    radius: float
    neighbours: int
    widths: tuple[int, ...]


VOTENET = (
    Level(2048, .2, 64, (64, 64, 128)),
    Level(1024, .4, 32, (128, 128, 256)),
    Level(512, .8, 16, (128, 128, 256)),
    Level(256, 1.2, 16, (128, 128, 256)),
)


class Seeds(NamedTuple):
    """What the backbone gives.

    Attributes:
        places: (B, S, 3).
        features: (B, S, C).
        indices: (B, S) among the points of the cloud.
    """

    places: Tensor
    features: Tensor
    indices: Tensor


class PointNet2(nn.Module):
    """Four set abstractions, and two steps back to the second one's points.

    Args:
        in_channels: Features of a point beside its coordinates.
        levels: The four; the seeds are the centres of the second.
        out_channels: Width C of the seeds' features.

    Raises:
        ValueError: If there are not four levels.
    """

    def __init__(self, in_channels: int, levels: Sequence[Sequence] = VOTENET,
                 out_channels: int = 256) -> None:
        super().__init__()
        if len(levels) != 4:
            raise ValueError(f'levels are four, not {len(levels)}: each '
                             '(num, radius, neighbours, widths)')
        levels = [Level(*level) for level in levels]
        widths = [in_channels, *(level.widths[-1] for level in levels)]
        self.levels = nn.ModuleList(
            SetAbstraction(width, *level)
            for width, level in zip(widths, levels, strict=False))
        back = (out_channels, out_channels)
        self.back = nn.ModuleList([
            FeaturePropagation(widths[4] + widths[3], back),
            FeaturePropagation(out_channels + widths[2], back)])

    def forward(self, points: Tensor) -> Seeds:
        """Encode clouds (B, N, 3 + in_channels)."""
        places, features = points[..., :3], points[..., 3:]
        if not features.shape[-1]:
            features = None
        passed, chosen = [], []
        for level in self.levels:
            places, features, indices = level(places, features)
            passed.append((places, features))
            chosen.append(indices)
        _, second, third, fourth = passed
        features = self.back[0](*third, *fourth)
        features = self.back[1](*second, third[0], features)
        return Seeds(second[0], features, chosen[0].gather(1, chosen[1]))
