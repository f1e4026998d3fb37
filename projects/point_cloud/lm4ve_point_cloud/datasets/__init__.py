"""Data sets of point clouds, and the steps of their pipelines."""

from lm4ve_mm.utils.install import how_to_install, is_installed

lacking = [name for name in ('h5py', 'filelock', 'tqdm', 'trimesh')
           if not is_installed(name)]
if lacking:
    raise ImportError(f'point clouds need {" and ".join(lacking)}: '
                      f'{how_to_install("points")}')

# After the check, which says more than an import that fails.
# ruff: noqa: E402
from .base import PointCloudDataset
from .errors import DataError, DataNotFoundError
from .modelnet40 import ModelNet40
from .modelnet_fewshot import ModelNetFewShot
from .scanobjectnn import ScanObjectNN
from .shapes import PointShapes
from .transforms import (
    FarthestPointSample,
    NormalizeCloud,
    PackPoints,
    ShufflePoints,
    pool_size,
)

__all__ = [
    'DataError', 'DataNotFoundError', 'FarthestPointSample', 'ModelNet40',
    'ModelNetFewShot', 'NormalizeCloud', 'PackPoints', 'PointCloudDataset',
    'PointShapes', 'ScanObjectNN', 'ShufflePoints', 'pool_size'
]
