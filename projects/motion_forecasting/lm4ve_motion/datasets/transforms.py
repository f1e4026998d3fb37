"""Steps of the pipelines: augmentation and packing."""

from typing import NamedTuple

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from lm4ve_mm.registry import TRANSFORMS

from .data_sample import ForecastDataSample
from .frames import to_city, to_local


class Mirror(NamedTuple):
    """What turns over when left and right are exchanged.

    Attributes:
        side: Axis of the scene's frame that points to a side.
        columns: Of each array, those along that axis.
        turn: Column of the turns in ``lanes``.
        left: The number of a turn to the left; right is one more.
    """

    side: int
    columns: dict[str, tuple[int, ...]]
    turn: int
    left: int


MIRRORS = dict(
    vectornet=Mirror(1, dict(actors=(1, 3), ctrs=(1, ), lanes=(1, 3)), 4, 1),
    mmtransformer=Mirror(0, dict(actors=(0, ), ctrs=(0, ), lanes=(0, 2)), 5,
                         2))


@TRANSFORMS.register_module()
class FlipScene(BaseTransform):
    """Mirrors a scene, left and right; turns change sides too.

    Args:
        prob: How often.
        layout: Whose arrays they are, ``'mmtransformer'`` or
            ``'vectornet'``.

    Raises:
        ValueError: If the layout is unknown.
    """

    def __init__(self, prob: float = 0.5,
                 layout: str = 'mmtransformer') -> None:
        if layout not in MIRRORS:
            raise ValueError(f'the layouts are {", ".join(MIRRORS)}, not '
                             f'{layout!r}')
        self.prob = prob
        self.mirror = MIRRORS[layout]

    def transform(self, results: dict) -> dict:
        """Mirror ``actors``, ``ctrs``, ``lanes`` and ``gt_trajs``."""
        if np.random.rand() >= self.prob:
            return results
        flipped = dict(results)
        for key, columns in self.mirror.columns.items():
            flipped[key] = results[key].copy()
            flipped[key][..., columns] *= -1
        turn, left = self.mirror.turn, self.mirror.left
        turns = results['lanes'][..., turn]
        flipped['lanes'][..., turn] = np.where(
            turns >= left, 2 * left + 1 - turns, turns)
        frame = results['origin'], results['theta']
        local = to_local(results['gt_trajs'], *frame)
        local[..., self.mirror.side] *= -1
        flipped['gt_trajs'] = np.where(
            results['gt_mask'][..., None], to_city(local, *frame), 0)
        return flipped


@TRANSFORMS.register_module()
class MaskHistory(BaseTransform):
    """Hides the first steps of mmTransformer's actors now and then.

    Args:
        prob: How often an actor is hidden.
        steps: How many of its first steps.
    """

    def __init__(self, prob: float = 0.5, steps: int = 10) -> None:
        self.prob = prob
        self.steps = steps

    def transform(self, results: dict) -> dict:
        """Set displacements and mask to zero; times stay."""
        actors = results['actors'].copy()
        hidden = np.flatnonzero(np.random.rand(len(actors)) < self.prob)
        actors[np.ix_(hidden, range(self.steps), (0, 1, 3))] = 0
        return dict(results, actors=actors)


@TRANSFORMS.register_module()
class PackScene(BaseTransform):
    """Packs arrays into tensors and a data sample."""

    META = ('scene_id', 'path', 'city', 'track_id', 'origin', 'theta')

    def transform(self, results: dict) -> dict:
        """Give ``inputs`` (actors, ctrs, lanes) and ``data_samples``."""
        inputs = {key: torch.from_numpy(np.ascontiguousarray(results[key]))
                  for key in ('actors', 'ctrs', 'lanes')}
        sample = ForecastDataSample(
            metainfo={key: results[key] for key in self.META})
        for key in ('gt_trajs', 'gt_mask'):
            # A copy: a cache is read-only, and torch would warn.
            sample.set_field(torch.tensor(results[key]), key)
        return dict(inputs=inputs, data_samples=sample)
