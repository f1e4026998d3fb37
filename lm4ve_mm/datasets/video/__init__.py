"""Videos for MMAction2's models.

Importing it imports mmaction, which [video] brings: configs list
``lm4ve_mm.video_plugin`` in ``custom_imports``.
"""

from .augment import ClipRandAugment
from .clips import VideoClips
from .loading import VideoDecode, VideoInit
from .moving_shapes import MovingShapes
from .sampling import SampleSegments

__all__ = [
    'ClipRandAugment', 'MovingShapes', 'SampleSegments', 'VideoClips',
    'VideoDecode', 'VideoInit'
]
