"""Old name of :mod:`lm4ve_mm.image.datasets`."""

import warnings

from lm4ve_mm.image.datasets import Digits, LoadNamedImage

warnings.warn(
    'lm4ve_mm.datasets is now lm4ve_mm.image.datasets; the old name goes '
    'with version 0.3',
    DeprecationWarning,
    stacklevel=2)

__all__ = ['Digits', 'LoadNamedImage']
