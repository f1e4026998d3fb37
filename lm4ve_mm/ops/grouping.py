"""Neighbourhoods of points."""

import torch
from torch import Tensor


def gather_points(points: Tensor, indices: Tensor) -> Tensor:
    """Take points by index.

    Args:
        points (Tensor): (B, N, C).
        indices (Tensor): (B, ...) int64.

    Returns:
        Tensor: (B, ..., C).
    """
    flat = indices.flatten(1)[..., None].expand(-1, -1, points.shape[-1])
    taken = points.gather(1, flat)
    return taken.view(*indices.shape, points.shape[-1])


@torch.no_grad()
def knn_indices(points: Tensor, centres: Tensor, k: int) -> Tensor:
    """Find the ``k`` nearest points of each centre.

    Distances are formed from differences. The expanded form of upstream's
    code picks the same neighbours except for ties to the last bit, but would
    go wrong where matrix products are rounded to TF32 or half precision.

    Args:
        points (Tensor): (B, P, 3).
        centres (Tensor): (B, G, 3).
        k (int): How many, at most P.

    Returns:
        Tensor: (B, G, k) int64, in no particular order.

    Raises:
        ValueError: If there are fewer than ``k`` points.
    """
    if k > points.shape[1]:
        raise ValueError(
            f'cannot take {k} neighbours of {points.shape[1]} points: lower '
            'group_size, or give denser clouds')
    if points.dtype != torch.float64:
        points, centres = points.float(), centres.float()
    distances = torch.cdist(
        centres, points, compute_mode='donot_use_mm_for_euclid_dist')
    return distances.topk(k, largest=False, sorted=False).indices


def group(points: Tensor, centres: Tensor, k: int) -> Tensor:
    """Collect each centre's nearest points, relative to the centre.

    Args:
        points (Tensor): (B, P, 3).
        centres (Tensor): (B, G, 3).
        k (int): Points per group.

    Returns:
        Tensor: (B, G, k, 3), not scaled.
    """
    near = gather_points(points, knn_indices(points, centres, k))
    return near - centres[:, :, None]
