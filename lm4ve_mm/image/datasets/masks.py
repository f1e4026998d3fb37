"""Masks of images, cut and resized as the images are."""

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np
from mmengine.dataset import Compose

from lm4ve_mm.utils.errors import ConfigError

# Steps of a test pipeline that move pixels, and those that leave them.
MOVING = ('Resize', 'ResizeEdge', 'CenterCrop')
LEAVING = ('LoadImageFromFile', 'LoadNamedImage', 'Corrupt', 'PackInputs')


class Masks(NamedTuple):
    """What is known of the pixels of an image.

    Args:
        foreground: (H, W) bool.
        ignored: (H, W) bool, pixels of which nothing is known.
    """

    foreground: np.ndarray
    ignored: np.ndarray


class MaskPipeline:
    """Moves masks as a test pipeline moves images, without mixing pixels.

    Args:
        pipeline: Of the data set's config.

    Raises:
        ConfigError: If a step is not known to move pixels or to leave them.
    """

    def __init__(self, pipeline: Sequence[dict]) -> None:
        steps = []
        for step in pipeline:
            name = step['type'].rpartition('.')[-1]
            if name not in MOVING + LEAVING:
                raise ConfigError(
                    f'a mask cannot be taken through {step["type"]}: a '
                    f'pipeline for masks has {", ".join(MOVING + LEAVING)}')
            if name in MOVING:
                step = deepcopy(dict(step))
                if name != 'CenterCrop':
                    step['interpolation'] = 'nearest'
                steps.append(step)
        self.steps = Compose(steps)

    def __call__(self, masks: Masks) -> Masks:
        """The masks of the picture that the model sees."""
        planes = np.zeros((*masks.foreground.shape, 3), np.uint8)
        planes[..., 0], planes[..., 1] = masks
        moved = self.steps(dict(img=planes, img_shape=planes.shape[:2]))['img']
        return Masks(moved[..., 0] > 0, moved[..., 1] > 0)
