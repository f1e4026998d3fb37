"""Transforms of images that MMPretrain does not have."""

from .corrupt import Corrupt

__all__ = ['Corrupt']
