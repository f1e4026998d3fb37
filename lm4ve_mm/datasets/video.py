"""Old name of :mod:`lm4ve_mm.video.datasets`."""

import warnings

from lm4ve_mm.video.datasets import (
    ClipRandAugment,
    MovingShapes,
    SampleSegments,
    VideoClips,
    VideoDecode,
    VideoInit,
)

warnings.warn(
    'lm4ve_mm.datasets.video is now lm4ve_mm.video.datasets; the old name '
    'goes with version 0.3',
    DeprecationWarning,
    stacklevel=2)

__all__ = [
    'ClipRandAugment', 'MovingShapes', 'SampleSegments', 'VideoClips',
    'VideoDecode', 'VideoInit'
]
