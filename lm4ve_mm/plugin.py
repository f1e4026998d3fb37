"""Everything that makes MMEngine know this package; imported for its effect.

Configs list it as ``custom_imports = dict(imports=['lm4ve_mm.plugin'])``, so
that other people's ``train.py`` works too. It repairs what is broken in the
installed toolboxes (:mod:`lm4ve_mm.compat`) and fills the registries.
"""

from . import compat

compat.apply()

from . import datasets, engine, models  # noqa: E402  (after the repairs)

__all__ = ['datasets', 'engine', 'models']
