"""Everything that makes MMEngine know this package; imported for its effect.

Configs list it as ``custom_imports = dict(imports=['lm4ve_mm.plugin'])``, so
that other people's ``train.py`` works too. It repairs what is broken in the
installed toolboxes (:mod:`lm4ve_mm.compat`), fills the registries, and adds
the image models to those that MMPretrain knows by name.
"""

from . import compat

compat.apply()

from . import datasets, engine, model_names, models  # noqa: E402  (repaired)

model_names.register()

__all__ = ['datasets', 'engine', 'models']
