"""MMPretrain's search for the loader in a pipeline."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from .import_hooks import around_import

UTILS = 'mmpretrain.datasets.transforms.utils'
# Where the function is imported by name.
IMPORTERS = ('mmpretrain.datasets.transforms', 'mmpretrain.datasets')


def find_loaders_by_class() -> bool:
    """Let MMPretrain find loaders by class instead of by what is written.

    Its inferencers and tools look for ``'LoadImageFromFile'``; a type with
    its scope, or of a class derived from that, is passed over.
    """
    return around_import(UTILS, _with_search_by_class)


@contextmanager
def _with_search_by_class(module: ModuleType) -> Iterator[None]:
    yield
    for name in (UTILS, *IMPORTERS):
        importer = module if name == UTILS else sys.modules.get(name)
        if hasattr(importer, 'get_transform_idx'):
            importer.get_transform_idx = _first_of_class


def _first_of_class(pipeline: Sequence, target: str) -> int:
    """The first step whose class is, or derives from, ``target``; else -1."""
    from mmpretrain.registry import TRANSFORMS

    for index, step in enumerate(pipeline):
        kind = step['type'] if isinstance(step, dict) else type(step)
        if isinstance(kind, str):
            kind = TRANSFORMS.get(kind)
        if target in [base.__name__ for base in getattr(kind, '__mro__', ())]:
            return index
    return -1
