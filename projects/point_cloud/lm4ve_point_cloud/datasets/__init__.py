"""Data sets of point clouds, and the steps of their pipelines."""

from .base import PointCloudDataset
from .errors import DataError, DataNotFoundError
from .modelnet40 import ModelNet40
from .modelnet_fewshot import ModelNetFewShot
from .scanobjectnn import ScanObjectNN
from .shapes import PointShapes
from .transforms import (FarthestPointSample, NormalizeCloud, PackPoints,
                         ShufflePoints, pool_size)

__all__ = [
    'DataError', 'DataNotFoundError', 'FarthestPointSample', 'ModelNet40',
    'ModelNetFewShot', 'NormalizeCloud', 'PackPoints', 'PointCloudDataset',
    'PointShapes', 'ScanObjectNN', 'ShufflePoints', 'pool_size'
]
