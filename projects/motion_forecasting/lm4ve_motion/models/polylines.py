"""One token out of a polyline: a history, or the pieces of a lane."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class PolylineEncoder(BaseModule):
    """VectorNet's subgraph: shared layers, and the maximum along the line.

    Each level runs ``depth`` times linear, norm, ReLU over every row, and
    appends the maximum over the rows to each. Rows are never masked: those
    of a history that were not seen take part.

    Args:
        in_channels: Numbers in a row.
        widths: Of the levels.
        depth: Linear layers of a level.
        init_cfg: MMEngine's initialisation.

    Attributes:
        out_channels: Width of the token, twice that of the last level.
    """

    def __init__(self,
                 in_channels: int,
                 widths: Sequence[int] = (32, 64, 128),
                 depth: int = 2,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.out_channels = 2 * widths[-1]
        self.levels = nn.ModuleList()
        for width in widths:
            layers = []
            for _ in range(depth):
                layers += [nn.Linear(in_channels, width), nn.LayerNorm(width),
                           nn.ReLU(inplace=True)]
                in_channels = width
            self.levels.append(nn.Sequential(*layers))
            in_channels = 2 * width

    def forward(self, x: Tensor) -> Tensor:
        """Encode.

        Args:
            x: (..., rows, in_channels).

        Returns:
            Tensor: (..., out_channels).
        """
        *levels, last = self.levels
        for level in levels:
            x = level(x)
            x = torch.cat([x, x.amax(-2, keepdim=True).expand_as(x)], -1)
        # The maximum over rows that each end in it is the maximum twice.
        pooled = last(x).max(-2).values
        return torch.cat([pooled, pooled], -1)


def encode_valid(encoder: PolylineEncoder, lines: Tensor, valid: Tensor
                 ) -> Tensor:
    """Encode what is no padding, which is often less than half.

    Args:
        encoder: Takes (N, rows, in_channels).
        lines: (B, N, rows, in_channels).
        valid: (B, N) bool, False on padding.

    Returns:
        Tensor: (B, N, out_channels), zeros on padding.
    """
    found = encoder(lines[valid])
    tokens = found.new_zeros(*valid.shape, found.shape[-1])
    tokens[valid] = found
    return tokens
