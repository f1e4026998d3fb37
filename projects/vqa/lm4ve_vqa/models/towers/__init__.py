"""Encoders of images and of text, out of ``transformers``."""

from .base import Tower
from .images import CLIPTower, ImageTower, SwinTower
from .initializer import HuggingFaceInit
from .text import TextTower

__all__ = [
    'CLIPTower', 'HuggingFaceInit', 'ImageTower', 'SwinTower', 'TextTower',
    'Tower'
]
