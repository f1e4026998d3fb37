"""Old name of :mod:`lm4ve_mm.video`, kept for configs that list it."""

import warnings

from .video import datasets, models

warnings.warn(
    'lm4ve_mm.video_plugin is now lm4ve_mm.video: put that name into '
    'custom_imports. The old one goes with version 0.3',
    DeprecationWarning,
    stacklevel=2)

__all__ = ['datasets', 'models']
