"""Image data sets that MMPretrain does not have."""

from .digits import Digits
from .loading import LoadNamedImage

__all__ = ['Digits', 'LoadNamedImage']
