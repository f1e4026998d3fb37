"""A function of matplotlib that MMPretrain's tools call as it was."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .import_hooks import around_import

MODULE = 'matplotlib._tight_bbox'


def need_no_renderer() -> bool:
    """Let ``adjust_bbox`` be called without its new argument.

    The function itself is changed, since a tool may have imported it already.
    Only axes with a locator of their own use the renderer.
    """
    if MODULE in sys.modules:
        return _give_default(sys.modules[MODULE])
    return around_import(MODULE, _with_default)


@contextmanager
def _with_default(module: ModuleType) -> Iterator[None]:
    yield
    _give_default(module)


def _give_default(module: ModuleType) -> bool:
    """Whether the argument had no default, and has one now."""
    function = module.adjust_bbox
    renderer = inspect.signature(function).parameters.get('renderer')
    if renderer is None or renderer.default is not inspect.Parameter.empty:
        return False
    function.__defaults__ = (None, *(function.__defaults__ or ()))
    return True
