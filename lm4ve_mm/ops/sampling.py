"""Farthest point sampling with the rules of the pointnet2_ops kernel.

Three of its rules are not in the textbook, and each changes which points
are chosen:

* a point with x² + y² + z² <= 1e-3 is never a candidate (index 0, which is
  always chosen first, may be such a point);
* running distances start at 1e10;
* equal distances are settled by the kernel's reduction. With ``stride`` the
  largest power of two up to N, at most 512, point k belongs to thread
  k mod stride; of two threads the one that comes first in bit-reversed order
  wins (the tree halves its span at each step, so its last step compares the
  even threads with the odd ones), and within a thread the smallest k.

The last rule is an order of the points, fixed by N alone. Both versions
below put the points in that order first, so that a plain argmax, which
gives the first of equal values, gives the kernel's answer. Products and sums
are rounded one by one here, on every device; a GPU kernel compiled with
fused multiply-add may round the last bit otherwise.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

NEAR_ORIGIN = 1e-3  # squared radius
FARTHEST = 1e10
MAX_THREADS = 512
# Chosen points can be dropped; doing so this often costs next to nothing.
CHOSEN_BEFORE_DROP = 128


@lru_cache(maxsize=64)
def kernel_order(num_points: int) -> np.ndarray:
    """Order the points so that of equal ones the kernel takes the first.

    Returns:
        np.ndarray: (N, ) int64, a permutation that starts with 0.
    """
    bits = min(MAX_THREADS, num_points).bit_length() - 1
    index = np.arange(num_points)
    thread = index % (1 << bits)
    reversed_thread = np.zeros_like(index)
    for bit in range(bits):
        reversed_thread |= (thread >> bit & 1) << (bits - 1 - bit)
    order = np.lexsort((index, reversed_thread))
    order.setflags(write=False)  # it is shared by all callers
    return order


def check_request(num_points: int, num: int) -> None:
    """Refuse an impossible number of samples.

    Raises:
        ValueError: If ``num`` is not within 1..N.
    """
    if num < 1:
        raise ValueError(f'cannot sample {num} points: ask for at least 1')
    if num > num_points:
        raise ValueError(
            f'cannot sample {num} different points of {num_points}: ask for '
            f'at most {num_points}, or give a denser cloud')


def fps_numpy(points: np.ndarray,
              num: int,
              skip_near_origin: bool = True) -> np.ndarray:
    """Sample one cloud; the fast version for the workers of a loader.

    Args:
        points (np.ndarray): (N, 3); float64 is computed in float64, all else
            in float32.
        num (int): How many points, at most N.
        skip_near_origin (bool): Whether points within 0.0316 of the origin
            are never candidates, as in pointnet2_ops. Defaults to True.

    Returns:
        np.ndarray: (num, ) int64 indices. If the candidates run out, the last
        ones repeat, as they do in the kernel.

    Raises:
        ValueError: For another shape, coordinates that are not finite, or
            fewer than ``num`` points.
    """
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f'a cloud is (N, 3), not {points.shape}')
    check_request(len(points), num)
    if points.dtype != np.float64:
        points = points.astype(np.float32)
    if not np.isfinite(points).all():
        raise ValueError('the cloud has coordinates that are not finite: '
                         'remove those points first')
    candidates = kernel_order(len(points))
    planes = np.ascontiguousarray(points.T[:, candidates])
    if skip_near_origin:
        x, y, z = planes
        # The kernel compares with a double.
        far = np.flatnonzero((x * x + y * y + z * z).astype(float)
                             > NEAR_ORIGIN)
        candidates = candidates[far]
        planes = np.ascontiguousarray(planes[:, far])
    return _fps_planes(planes, candidates, points[0], num)


def _fps_planes(planes: np.ndarray, candidates: np.ndarray, first: np.ndarray,
                num: int) -> np.ndarray:
    """Sample among ``candidates`` with coordinates ``planes`` (3, M).

    Separate planes and operations in place are what makes this fast: the
    time goes into eight calls on short arrays per chosen point.
    """
    # What the kernel gives when nothing is left at a distance above 0.
    exhausted = candidates[0] if len(candidates) else 0
    chosen = np.full(num, exhausted, dtype=np.int64)
    chosen[0] = 0
    running = np.full(len(candidates), FARTHEST, dtype=planes.dtype)
    subtract, multiply = np.subtract, np.multiply
    add, minimum = np.add, np.minimum
    cx, cy, cz = first
    for start in range(1, num, CHOSEN_BEFORE_DROP):
        left = np.flatnonzero(running > 0)
        if not len(left):
            break
        candidates, running = candidates[left], running[left]
        planes = np.ascontiguousarray(planes[:, left])
        x, y, z = planes
        differences = np.empty_like(planes)
        flat = differences.reshape(-1)
        dx, dy, dz = differences
        for i in range(start, min(start + CHOSEN_BEFORE_DROP, num)):
            subtract(x, cx, dx)
            subtract(y, cy, dy)
            subtract(z, cz, dz)
            multiply(flat, flat, flat)
            add(dx, dy, dx)
            add(dx, dz, dx)
            minimum(running, dx, out=running)
            best = running.argmax()
            if running[best] <= 0:
                return chosen
            chosen[i] = candidates[best]
            cx, cy, cz = x[best], y[best], z[best]
    return chosen


def fps_batched(points: Tensor,
                num: int,
                skip_near_origin: bool = True) -> Tensor:
    """Sample clouds of equal size together; the version for a GPU.

    It launches a few kernels per chosen point and waits for the device once,
    when it copies the kernel's order there.

    Args:
        points (Tensor): (B, N, 3) float32 or float64.
        num (int): How many points, at most N.
        skip_near_origin (bool): As in :func:`fps_numpy`.

    Returns:
        Tensor: (B, num) int64 indices, equal to those of :func:`fps_numpy`.
    """
    order = torch.tensor(kernel_order(points.shape[1]), device=points.device)
    planes = points.permute(2, 0, 1)[..., order].contiguous()  # 3, B, N
    running = torch.full_like(planes[0], FARTHEST)
    if skip_near_origin:
        x, y, z = planes
        near = (x * x + y * y + z * z).double() <= NEAR_ORIGIN
        running.masked_fill_(near, -1)
    chosen = order.new_zeros(len(points), num)
    best = order.new_zeros(3, len(points), 1)
    for i in range(1, num):
        differences = planes - planes.gather(2, best)
        differences.mul_(differences)
        distances = differences[0].add_(differences[1]).add_(differences[2])
        torch.minimum(running, distances, out=running)
        best = running.argmax(1, keepdim=True).expand(3, -1, -1)
        chosen[:, i] = best[0, :, 0]
    return order[chosen]


@torch.no_grad()
def farthest_point_sample(points: Tensor,
                          num: int,
                          skip_near_origin: bool = True) -> Tensor:
    """Choose ``num`` points far from each other, starting with index 0.

    The indices are those of pointnet2_ops' ``furthest_point_sample``; see
    this module for its rules. Half precision is computed in float32.

    Args:
        points (Tensor): (B, N, 3), or (N, 3) for one cloud.
        num (int): How many points, at most N.
        skip_near_origin (bool): Whether points within 0.0316 of the origin
            are never candidates, as in pointnet2_ops. Defaults to True.

    Returns:
        Tensor: (B, num) or (num, ) int64 indices on the device of ``points``.

    Raises:
        ValueError: For another shape, fewer than ``num`` points, or, on a
            CPU, coordinates that are not finite.
    """
    if points.ndim not in (2, 3) or points.shape[-1] != 3:
        raise ValueError(
            f'points are (B, N, 3) or (N, 3), not {tuple(points.shape)}')
    if points.ndim == 2:
        return farthest_point_sample(points[None], num, skip_near_origin)[0]
    check_request(points.shape[1], num)
    if points.dtype != torch.float64:
        points = points.float()
    if points.device.type != 'cpu':
        return fps_batched(points, num, skip_near_origin)
    clouds = points.detach().numpy()
    return torch.from_numpy(
        np.stack([fps_numpy(cloud, num, skip_near_origin)
                  for cloud in clouds]))
