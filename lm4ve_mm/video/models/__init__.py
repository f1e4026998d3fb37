"""VideoMAE's backbone and head in MMAction2."""

from .token_vit import TokenVisionTransformer
from .videomae_head import VideoMAEHead

__all__ = ['TokenVisionTransformer', 'VideoMAEHead']
