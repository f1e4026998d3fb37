"""Sampling and grouping of points, on any device, without extensions."""

from .balls import ball_query
from .grouping import gather_points, group, knn_indices
from .interpolation import three_interpolate, three_nn
from .sampling import farthest_point_sample, fps_numpy

__all__ = [
    'ball_query', 'farthest_point_sample', 'fps_numpy', 'gather_points',
    'group', 'knn_indices', 'three_interpolate', 'three_nn'
]
