"""Augmentations that treat all frames of a clip alike."""

import numpy as np
from mmcv.transforms.utils import cache_random_params
from mmengine.registry import DefaultScope
from mmpretrain.datasets.transforms import RandAugment

from lm4ve_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipRandAugment(RandAugment):
    """MMPretrain's RandAugment, drawn once per clip.

    Each of ``num_policies`` operations is drawn with replacement, with its
    own magnitude, sign and probability of being left out, and then applied to
    every frame; an operation that comes twice is drawn twice. VideoMAE's
    rand-m7-n4-mstd0.5-inc1 is ``policies='timm_increasing', num_policies=4,
    magnitude_level=7, magnitude_std=0.5``.

    The operations take images to be BGR and frames are RGB, so channels are
    swapped around them; ``hparams.pad_val`` is BGR as in MMPretrain.

    Required and changed key: ``imgs``, a list of (H, W, 3) uint8. The given
    arrays are left as they are.
    """

    def __init__(self, *args, **kwargs) -> None:
        # MMPretrain's lists of operations name no scope.
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            super().__init__(*args, **kwargs)

    def transform(self, results: dict) -> dict:
        """Draw the operations and apply them."""
        frames = [np.ascontiguousarray(frame[..., ::-1])
                  for frame in results['imgs']]
        for index in self.random_policy_indices():
            frames = self._apply(self.transforms[index], frames)
        results['imgs'] = [
            np.ascontiguousarray(frame[..., ::-1]) for frame in frames
        ]
        results['img_shape'] = results['imgs'][0].shape[:2]
        return results

    @staticmethod
    def _apply(operation, frames: list[np.ndarray]) -> list[np.ndarray]:
        """Apply one operation; what it draws is drawn for all frames."""
        with cache_random_params(operation):
            return [
                operation(dict(img=frame, img_shape=frame.shape[:2]))['img']
                for frame in frames
            ]
