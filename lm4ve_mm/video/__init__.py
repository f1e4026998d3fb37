"""Videos: what needs MMAction2. Importing it registers everything.

Configs list it in ``custom_imports`` beside :mod:`lm4ve_mm.plugin`, which
leaves it out because images do without MMAction2.
"""

from lm4ve_mm import plugin  # noqa: F401  (repairs come first)
from lm4ve_mm.utils.install import how_to_install, is_installed

if not is_installed('mmaction'):
    raise ImportError('video needs MMAction2, which is not installed: '
                      f'{how_to_install("video")}')

from . import datasets, engine, layout, models  # noqa: E402  (after repairs)

__all__ = ['datasets', 'engine', 'layout', 'models']
