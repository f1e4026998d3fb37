"""Videos for MMAction2's models.

Importing it imports mmaction, which [video] brings. Configs list it beside
``lm4ve_mm.plugin`` in ``custom_imports``.
"""

from .augment import ClipRandAugment
from .clips import VideoClips
from .errors import AnnotationError, VideoError, VideoNotFoundError
from .loading import VideoDecode, VideoInit
from .moving_shapes import MovingShapes
from .sampling import SampleSegments

__all__ = [
    'AnnotationError', 'ClipRandAugment', 'MovingShapes', 'SampleSegments',
    'VideoClips', 'VideoDecode', 'VideoError', 'VideoInit',
    'VideoNotFoundError'
]
