"""The small PointNet that makes one token out of one group of points."""


from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn


class MiniPointNet(BaseModule):
    """Two shared two-layer networks, each followed by a maximum.

    "Encoder" of Point-BERT (arXiv 2111.14819). Kernel-1 convolutions with
    bias; the maximum makes the order of a group's points irrelevant. In
    between, each point's features are put behind the group's maximum.

    Args:
        out_channels (int): Width of a token.
        hidden (Sequence[int]): Widths of the first network's two layers and
            of the second's first.
    """

    def __init__(self,
                 out_channels: int = 256,
                 hidden: Sequence[int] = (128, 256, 512)) -> None:
        super().__init__()
        self.out_channels = out_channels
        first, local, second = hidden
        self.first_conv = nn.Sequential(
            nn.Conv1d(3, first, 1), nn.BatchNorm1d(first),
            nn.ReLU(inplace=True), nn.Conv1d(first, local, 1))
        self.second_conv = nn.Sequential(
            nn.Conv1d(2 * local, second, 1), nn.BatchNorm1d(second),
            nn.ReLU(inplace=True), nn.Conv1d(second, out_channels, 1))

    def forward(self, groups: Tensor) -> Tensor:
        """Encode each group.

        The second network's first layer sees the group's maximum beside each
        point. Its part of the weight is applied once per group, not once per
        point: the same function, and half of the work where most of it is.

        Args:
            groups: (B, G, k, 3), relative to the groups' centres.

        Returns:
            Tensor: (B, G, out_channels).
        """
        shape = groups.shape[:3]
        first, norm, act, last = self.first_conv
        local = act(norm(_pointwise(first, groups.flatten(0, 2))))
        local = _pointwise(last, local)  # (B G k, local)
        whole = local.unflatten(0, shape).amax(dim=2)  # (B, G, local)
        first, norm, act, last = self.second_conv
        of_whole, of_local = first.weight[..., 0].chunk(2, dim=1)
        hidden = F.linear(local, of_local, first.bias).unflatten(0, shape)
        hidden = hidden + F.linear(whole, of_whole).unsqueeze(2)
        hidden = act(norm(hidden.flatten(0, 2)))  # (B G k, second)
        return _pointwise(last, hidden).unflatten(0, shape).amax(dim=2)


def _pointwise(conv: nn.Conv1d, points: Tensor) -> Tensor:
    """A kernel-1 convolution on (N, C): several times faster on a CPU."""
    return F.linear(points, conv.weight[..., 0], conv.bias)
