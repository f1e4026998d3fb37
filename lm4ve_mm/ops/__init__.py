"""Sampling and grouping of points, on any device, without extensions."""

from .grouping import gather_points, group, knn_indices
from .sampling import farthest_point_sample, fps_numpy

__all__ = [
    'farthest_point_sample', 'fps_numpy', 'gather_points', 'group',
    'knn_indices'
]
