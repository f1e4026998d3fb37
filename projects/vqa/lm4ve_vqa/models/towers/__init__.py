"""Encoders of images and of text, out of ``transformers``."""

from .base import Tower
from .frozen_text import FrozenTextTower
from .images import CLIPTower, ImageTower, SwinTower
from .initializer import HuggingFaceInit
from .text import TextTower

__all__ = [
    'CLIPTower', 'FrozenTextTower', 'HuggingFaceInit', 'ImageTower',
    'SwinTower', 'TextTower', 'Tower'
]
