"""Steps of the pipelines: augmentation and packing."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from lm4ve_mm.registry import TRANSFORMS

from .data_sample import ForecastDataSample
from .frames import to_city, to_local


@TRANSFORMS.register_module()
class FlipScene(BaseTransform):
    """Mirrors a scene of mmTransformer's arrays, left and right.

    In a frame that heads to +y the x axis turns over, and so do the turns.

    Args:
        prob: How often.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Mirror ``actors``, ``ctrs``, ``lanes`` and ``gt_trajs``."""
        if np.random.rand() >= self.prob:
            return results
        flipped = dict(results)
        for key, columns in (('actors', (0, )), ('ctrs', (0, )),
                             ('lanes', (0, 2))):
            flipped[key] = results[key].copy()
            flipped[key][..., columns] *= -1
        turns = results['lanes'][..., 5]
        # 1 none, 2 left, 3 right
        flipped['lanes'][..., 5] = np.where(turns > 1, 5 - turns, turns)
        frame = results['origin'], results['theta']
        local = to_local(results['gt_trajs'], *frame) * (-1, 1)
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
