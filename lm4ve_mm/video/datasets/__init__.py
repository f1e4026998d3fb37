"""Video data sets and transforms that MMAction2 does not have."""

from .augment import ClipRandAugment
from .clips import VideoClips
from .loading import VideoDecode, VideoInit
from .moving_shapes import MovingShapes
from .resize import ResizeShortSide
from .sampling import SampleSegments

__all__ = [
    'ClipRandAugment', 'MovingShapes', 'ResizeShortSide', 'SampleSegments',
    'VideoClips', 'VideoDecode', 'VideoInit'
]
