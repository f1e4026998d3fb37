"""ModelNet40: models of 40 kinds of objects, sampled on their surfaces."""

from pathlib import Path

import numpy as np

from lm4ve_mm.registry import DATASETS

from .base import PointCloudDataset, choose
from .files import read_h5
from .modelnet_files import (
    CLASSES,
    HOW_TO_BUILD,
    SPLITS,
    cache_of,
    read_upstream_cache,
)


@DATASETS.register_module()
class ModelNet40(PointCloudDataset):
    """ModelNet40 from a cache of 8192 points per object.

    The cache is built from ``modelnet40_normal_resampled`` by
    ``projects/point_cloud/tools/build_modelnet_cache.py``. A pipeline starts
    with :class:`NormalizeCloud`, since the points are cached as they are.

    Args:
        split (str): ``'train'`` (9843) or ``'test'`` (2468).
        data_root (str): The folder ``modelnet40_normal_resampled``.
        num_points (int): Points of the cache. Defaults to 8192.
        upstream_cache (str, optional): Upstream's
            ``modelnet40_{split}_8192pts_fps.dat``, which is a pickle, to be
            read instead; relative to ``data_root``. Its sampling began at
            random points, so it differs from a cache that is built.
        allow_pickle (bool): Has to be True for that. Only arrays are read
            from it, anything else is an error. Defaults to False.
        **kwargs: Passed to :class:`PointCloudDataset`.

    Raises:
        ValueError: For an unknown split.
        DataNotFoundError: If there is no cache.
        DataError: If a file does not hold what it should.
    """

    METAINFO = dict(classes=CLASSES)

    def __init__(self,
                 split: str,
                 data_root: str = 'data/modelnet40_normal_resampled',
                 num_points: int = 8192,
                 upstream_cache: str | None = None,
                 allow_pickle: bool = False,
                 **kwargs) -> None:
        choose('the splits', split, SPLITS, type(self).__name__)
        self.split = split
        self.num_points = num_points
        self.upstream_cache = upstream_cache
        self.allow_pickle = allow_pickle
        super().__init__(data_root=data_root, **kwargs)

    def load_arrays(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Read points (N, 8192, 3) and labels (N, )."""
        if self.upstream_cache is not None:
            path = Path(self.data_root, self.upstream_cache)
            return *read_upstream_cache(path, self.allow_pickle), str(path)
        path = cache_of(self.data_root, self.split, self.num_points)
        remedy = HOW_TO_BUILD.format(root=self.data_root)
        return *read_h5(path, remedy), str(path)
