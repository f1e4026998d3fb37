"""What happens to a batch of clouds between the loader and the model."""

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class PointCloudPreprocessor(BaseDataPreprocessor):
    """Stacks clouds and, in training, draws a subset, scales and shifts.

    Training in Point-BERT regularises by sampling more points than the model
    takes (:func:`~lm4ve_point_cloud.datasets.transforms.pool_size`) and
    keeping a random subset of them, then by a scale and a shift per cloud and
    axis, before the points are grouped. A vote repeats this at test time: take
    :meth:`batch` once and :meth:`augment` per vote.

    The random numbers come from torch's CPU generator, so that a run does
    not depend on the device.

    Args:
        num_points (int): P, the points that the model takes.
        scale (tuple[float, float]): Range of the scale.
        shift (float): Largest shift, in the unit of the coordinates.
        shared_subset (bool): Whether the clouds of a batch keep the same
            positions, as upstream's code does. Defaults to True.
        non_blocking (bool, optional): As in MMEngine.
    """

    def __init__(self,
                 num_points: int = 1024,
                 scale: tuple[float, float] = (2 / 3, 3 / 2),
                 shift: float = 0.2,
                 shared_subset: bool = True,
                 non_blocking: bool | None = False) -> None:
        super().__init__(non_blocking=non_blocking)
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f'scale={scale!r} is no range of positive '
                             'numbers: give (low, high)')
        if shift < 0:
            raise ValueError(f'shift={shift} is negative: give the largest '
                             'shift to either side')
        self.num_points = num_points
        self.scale = tuple(scale)
        self.shift = shift
        self.shared_subset = shared_subset

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch for the model.

        Args:
            data (dict): ``inputs``, B clouds (A, 3) or a tensor (B, A, 3),
                and perhaps ``data_samples``.
            training (bool): Whether to :meth:`augment`.

        Returns:
            dict: ``inputs`` (B, P, 3) float32 and ``data_samples``.

        Raises:
            ValueError: If the clouds differ in size, have fewer than P
                points, or, outside training, more.
        """
        data = self.batch(data)
        points = data['inputs']
        if training:
            return dict(data, inputs=self.augment(points))
        if points.shape[1] != self.num_points:
            raise ValueError(
                f'the clouds have {points.shape[1]} points, but the model '
                f'takes {self.num_points}: end the test pipeline with '
                "dict(type='lm4ve_mm.FarthestPointSample', "
                f'num_points={self.num_points})')
        return data

    def batch(self, data: dict) -> dict:
        """Move a batch to the device and stack it.

        Returns:
            dict: ``inputs`` (B, A, 3) float32, and ``data_samples``, which is
            None if there are none.
        """
        data = self.cast_data(data)
        clouds = data['inputs']
        if not isinstance(clouds, Tensor):
            sizes = sorted({tuple(cloud.shape) for cloud in clouds})
            if len(sizes) > 1:
                raise ValueError(
                    f'the clouds of a batch have the shapes {sizes}: sample '
                    "each to the same number, with type='lm4ve_mm."
                    "FarthestPointSample' in the pipeline")
            clouds = torch.stack(list(clouds))
        if clouds.ndim != 3 or clouds.shape[-1] != 3:
            raise ValueError(
                f'inputs are B clouds (A, 3), not {tuple(clouds.shape)}')
        return dict(
            data,
            inputs=clouds.float(),
            data_samples=data.get('data_samples'))

    def augment(self, points: Tensor) -> Tensor:
        """Draw a subset, then scale and shift each cloud.

        Args:
            points (Tensor): (B, A, 3).

        Returns:
            Tensor: (B, P, 3), new.

        Raises:
            ValueError: If A is less than P.
        """
        count, available, _ = points.shape
        if available < self.num_points:
            raise ValueError(
                f'the clouds have {available} points, but the model takes '
                f'{self.num_points}: give denser clouds, or lower num_points '
                'of the data preprocessor and of the pipeline')
        draws = 1 if self.shared_subset else count
        kept = torch.rand(draws, available).argsort(1)[:, :self.num_points]
        low, high = self.scale
        scale = torch.empty(count, 1, 3).uniform_(low, high)
        shift = torch.empty(count, 1, 3).uniform_(-self.shift, self.shift)
        kept, scale, shift = (
            numbers.to(points.device, non_blocking=True)
            for numbers in (kept, scale, shift))
        points = points.gather(1, kept[..., None].expand(count, -1, 3))
        return points * scale.to(points) + shift.to(points)
