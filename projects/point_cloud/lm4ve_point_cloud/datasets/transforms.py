"""Steps of a pipeline for point clouds.

Between them a sample is a dict with ``points`` (N, 3) float32, which no step
changes in place: the array of the data set is shared by all samples. A cloud
of a user's own may start as float64, until it is centred.
"""


from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.datasets import PackInputs
from torch import Tensor

from lm4ve_mm.ops import fps_numpy
from lm4ve_mm.registry import TRANSFORMS

from .precision import as_float32


def pool_size(num_points: int, available: int) -> int:
    """Give A(P), the points that training and votes draw P from.

    Point-BERT takes 1200 for 1024, 2400 for 2048, 4800 for 4096, and all
    8192 for 8192: 75/64 of P, but no more than there are.
    """
    return max(num_points, min(num_points * 75 // 64, available))


def name_of(results: dict) -> str:
    """Say which sample an error is about."""
    return (f'sample {results.get("sample_idx", "?")} of '
            f'{results.get("path", "an array")}')


@TRANSFORMS.register_module()
class NormalizeCloud(BaseTransform):
    """Moves the centroid to the origin and the farthest point to radius 1.

    In float64, so that a cloud far from the origin keeps its shape; the
    result is float32. For ModelNet40. ScanObjectNN is used as it is stored.

    Raises:
        ValueError: If all points are one.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``points`` (N, 3)."""
        points = results['points'].astype(np.float64)
        points = points - points.mean(0)
        radius = np.sqrt((points**2).sum(1).max())
        if radius == 0:
            raise ValueError(f'all points of {name_of(results)} are the same: '
                             'there is no size to normalise')
        points = (points / radius).astype(np.float32)
        return dict(results, points=points)


@TRANSFORMS.register_module()
class ShufflePoints(BaseTransform):
    """Puts the points in a random order, by numpy's generator.

    Farthest point sampling starts with the first point, so this makes its
    start random. For training only.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``points`` (N, 3)."""
        order = np.random.permutation(len(results['points']))
        return dict(results, points=results['points'][order])


@TRANSFORMS.register_module()
class FarthestPointSample(BaseTransform):
    """Keeps points far from each other, in the order they are found.

    Args:
        num_points (int): P, the points that the model takes.
        pool (bool): Keep the :func:`pool_size` of P instead, from which the
            data preprocessor draws P: for training and votes. Defaults to
            False.
        skip_near_origin (bool): Whether points within 0.0316 of the origin
            are never kept, as in the kernel that upstream uses. Defaults to
            True.

    Raises:
        ValueError: If a cloud has fewer than P points, or lies where float32
            is too coarse for it.
    """

    def __init__(self,
                 num_points: int,
                 pool: bool = False,
                 skip_near_origin: bool = True) -> None:
        self.num_points = num_points
        self.pool = pool
        self.skip_near_origin = skip_near_origin

    def transform(self, results: dict) -> dict:
        """Replace ``points`` (N, 3) by (P, 3) or (A, 3)."""
        points = as_float32(results['points'], name_of(results))
        num = self.num_points
        if self.pool:
            num = pool_size(num, len(points))
        try:
            kept = fps_numpy(points, num, self.skip_near_origin)
        except ValueError as error:
            raise ValueError(f'{name_of(results)}: {error}') from error
        return dict(results, points=points[kept])

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_points={self.num_points}, '
                f'pool={self.pool}, skip_near_origin={self.skip_near_origin})')


@TRANSFORMS.register_module()
class PackPoints(PackInputs):
    """Ends a pipeline: ``inputs`` and ``data_samples``, as in MMPretrain.

    ``inputs`` is a tensor (N, 3) float32; the data sample has ``gt_label``
    where there is one, and says where the cloud is from.

    Args:
        meta_keys (Sequence[str]): What of the sample's dict to keep in the
            data sample.
    """

    def __init__(
            self, meta_keys: Sequence[str] = ('sample_idx', 'path')) -> None:
        super().__init__(input_key='points', meta_keys=meta_keys)

    @staticmethod
    def format_input(input_: np.ndarray) -> Tensor:
        """Copy the points (N, 3) into a tensor."""
        return torch.tensor(input_, dtype=torch.float32)
