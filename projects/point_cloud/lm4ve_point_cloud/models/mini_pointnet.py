"""The small PointNet that makes one token out of one group of points."""

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class MiniPointNet(BaseModule):
    """Two shared two-layer networks, each followed by a maximum.

    "Encoder" of Point-BERT (arXiv 2111.14819). Kernel-1 convolutions with
    bias; the maximum makes the order of a group's points irrelevant. In
    between, each point's features are put behind the group's maximum.

    Args:
        out_channels (int): Width of a token.
    """

    def __init__(self, out_channels: int = 256) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.first_conv = nn.Sequential(
            nn.Conv1d(3, 128, 1), nn.BatchNorm1d(128), nn.ReLU(inplace=True),
            nn.Conv1d(128, 256, 1))
        self.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1), nn.BatchNorm1d(512),
            nn.ReLU(inplace=True), nn.Conv1d(512, out_channels, 1))

    def forward(self, groups: Tensor) -> Tensor:
        """Encode each group.

        Args:
            groups: (B, G, k, 3), relative to the groups' centres.

        Returns:
            Tensor: (B, G, out_channels).
        """
        batch, count, size, _ = groups.shape
        points = groups.flatten(0, 1).transpose(1, 2)  # (B G, 3, k)
        local = self.first_conv(points)  # (B G, 256, k)
        whole = local.max(dim=2, keepdim=True).values.expand(-1, -1, size)
        both = torch.cat([whole, local], dim=1)  # (B G, 512, k)
        token = self.second_conv(both).max(dim=2).values
        return token.view(batch, count, self.out_channels)
