"""The layers of PointNet++: sample and group, and back to all points."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lm4ve_mm.ops import (
    ball_query,
    farthest_point_sample,
    gather_points,
    three_interpolate,
    three_nn,
)


class SharedMLP(nn.Module):
    """Linear map without bias, batch norm and ReLU, for each row alike.

    Args:
        widths: Of the input and of every layer.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(zip(widths, widths[1:], strict=False))
        self.maps = nn.ModuleList(
            nn.Linear(*pair, bias=False) for pair in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm1d(out) for _, out in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to (..., last width)."""
        rows = x.flatten(0, -2)
        for linear, norm in zip(self.maps, self.norms, strict=True):
            rows = functional.relu(norm(linear(rows)), inplace=True)
        return rows.view(*x.shape[:-1], -1)


class SetAbstraction(nn.Module):
    """Sample centres, collect points around them, and pool their features.

    Args:
        in_channels: Of the features, beside the coordinates.
        num: How many centres.
        radius: In metres; coordinates around a centre are divided by it.
        neighbours: How many points are collected for each centre.
        widths: Of the layers of the shared MLP.
    """

    def __init__(self, in_channels: int, num: int, radius: float,
                 neighbours: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.num, self.radius, self.neighbours = num, radius, neighbours
        self.mlp = SharedMLP((3 + in_channels, *widths))

    def forward(self, places: Tensor,
                features: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Abstract a cloud.

        Args:
            places: (B, N, 3) coordinates; gradients reach them.
            features: (B, N, C), or None for points without any.

        Returns:
            tuple: Centres (B, num, 3), their features (B, num, C'), and
            their indices (B, num) among the points.
        """
        chosen = farthest_point_sample(places, self.num)
        centres = gather_points(places, chosen)
        near = ball_query(places, centres, self.radius, self.neighbours)
        local = gather_points(places, near) - centres[:, :, None]
        grouped = local / self.radius
        if features is not None:
            grouped = torch.cat([grouped, gather_points(features, near)], -1)
        return centres, self.mlp(grouped).max(2).values, chosen


class FeaturePropagation(nn.Module):
    """Carry features of few points back to many, beside their own.

    Args:
        in_channels: Of both together.
        widths: Of the layers of the shared MLP.
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.mlp = SharedMLP((in_channels, *widths))

    def forward(self, places: Tensor, features: Tensor, known: Tensor,
                known_features: Tensor) -> Tensor:
        """Interpolate, join, and map.

        Args:
            places, features: (B, N, 3) and (B, N, C) of the many.
            known, known_features: (B, M, 3) and (B, M, D) of the few.

        Returns:
            Tensor: (B, N, last width).
        """
        carried = three_interpolate(known_features, *three_nn(places, known))
        return self.mlp(torch.cat([carried, features], -1))
