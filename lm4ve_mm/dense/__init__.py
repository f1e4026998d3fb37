"""Segmentation and detection: what needs MMSegmentation or MMDetection.

Configs list it in ``custom_imports`` beside :mod:`lm4ve_mm.plugin`. Importing
it registers everything; detection needs no data set of ours.
"""

from lm4ve_mm import plugin  # noqa: F401  (repairs come first)
from lm4ve_mm.utils.install import how_to_install, is_installed

__all__ = []

if is_installed('mmseg'):
    from . import datasets  # noqa: F401

    __all__ += ['datasets']
elif not is_installed('mmdet'):
    raise ImportError(
        'segmentation needs MMSegmentation and detection MMDetection, and '
        f'neither is installed: {how_to_install("dense")}')
