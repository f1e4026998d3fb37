"""Data sets that the toolboxes do not have."""

from .digits import Digits
from .loading import LoadNamedImage

__all__ = ['Digits', 'LoadNamedImage']
