"""Hosts that start as the paper's do."""

from .deit import DeiTVisionTransformer

__all__ = ['DeiTVisionTransformer']
