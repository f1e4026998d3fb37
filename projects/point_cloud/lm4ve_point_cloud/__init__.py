"""Point cloud classification with a frozen language-model block.

Importing this package registers its modules with MMEngine, in the scope
``lm4ve_mm``; configs name it in ``custom_imports``.
"""

from lm4ve_mm import plugin  # noqa: F401  (repairs and registers first)

from . import datasets, engine, evaluation, layout, models

__all__ = ['datasets', 'engine', 'evaluation', 'layout', 'models']
