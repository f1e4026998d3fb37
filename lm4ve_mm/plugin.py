"""Everything that makes MMEngine know this package; imported for its effect.

Configs list it as ``custom_imports = dict(imports=['lm4ve_mm.plugin'])``, so
that other people's ``train.py`` works too. It repairs what is broken in the
installed toolboxes (:mod:`lm4ve_mm.compat`) and fills the registries: models,
hooks and schedules always, images where MMPretrain is installed. Videos are
in :mod:`lm4ve_mm.video`, to be listed beside it.
"""

from . import compat
from .utils.install import is_installed

compat.apply()

from . import engine, models  # noqa: E402  (after the repairs)

__all__ = ['engine', 'models']

if is_installed('mmpretrain'):
    from . import image  # noqa: F401

    __all__ += ['image']
