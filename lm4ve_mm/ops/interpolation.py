"""Features of points between others, by inverse distance."""

import torch
from torch import Tensor

from .grouping import gather_points

NEIGHBOURS = 3
EPSILON = 1e-8  # added to distances, not to squared ones


@torch.no_grad()
def three_nn(points: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Find the three nearest known points, the nearest first.

    Of equal distances the lower index comes first, as in PointNet++'s kernel.

    Args:
        points: (B, N, 3) float32 or float64; half precision is computed in
            float32.
        known: (B, M, 3).

    Returns:
        tuple: Distances (B, N, 3), and indices (B, N, 3) int64 into
        ``known``.

    Raises:
        ValueError: If there are fewer than three known points.
    """
    if known.shape[1] < NEIGHBOURS:
        raise ValueError(
            f'cannot interpolate between {known.shape[1]} points: at least '
            f'{NEIGHBOURS} have to be known')
    if points.dtype != torch.float64:
        points, known = points.float(), known.float()
    squared = torch.zeros((), dtype=points.dtype, device=points.device)
    for axis in range(3):
        apart = points[:, :, None, axis] - known[:, None, :, axis]
        squared = squared + apart * apart  # (B, N, M)
    distances, indices = [], []
    for _ in range(NEIGHBOURS):
        index = squared.argmin(-1, keepdim=True)
        indices.append(index)
        distances.append(squared.gather(-1, index))
        squared.scatter_(-1, index, torch.inf)
    return torch.cat(distances, -1).sqrt(), torch.cat(indices, -1)


def three_interpolate(features: Tensor, distances: Tensor,
                      indices: Tensor) -> Tensor:
    """Average the features of the nearest points by inverse distance.

    Args:
        features: (B, M, C) of the known points.
        distances, indices: Of :func:`three_nn`.

    Returns:
        Tensor: (B, N, C). A known point gets its own feature, but for some
        1e-8 of its neighbours'.
    """
    weights = 1 / (distances + EPSILON)
    weights = (weights / weights.sum(-1, keepdim=True)).to(features.dtype)
    # (B, N, 1, 3) @ (B, N, 3, C)
    return (weights.unsqueeze(-2) @ gather_points(features, indices)).squeeze(
        -2)
