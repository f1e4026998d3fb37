"""Hosts that start as the paper's do, and a classifier for any folder."""

from .deit import DeiTVisionTransformer
from .folder_classifier import FolderClassifier

__all__ = ['DeiTVisionTransformer', 'FolderClassifier']
