"""Repairs of modules that nobody has imported yet.

A toolbox that this run does not use is not imported for its repairs' sake.
"""

import sys
from contextlib import AbstractContextManager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Callable, Dict, Optional, Set

Repair = Callable[[ModuleType], AbstractContextManager]


class _Around(MetaPathFinder):
    """Finds modules as the others do, and runs repairs around their code."""

    def __init__(self) -> None:
        self.repairs: Dict[str, Repair] = {}
        self._asking: Set[str] = set()

    def find_spec(self, name: str, path=None, target=None):
        """Return what the next finders find, with its loader extended."""
        if name not in self.repairs or name in self._asking:
            return None
        self._asking.add(name)
        try:
            spec = _ask_all(name, path, target)
        finally:
            self._asking.remove(name)
        if spec is not None and spec.loader is not None:
            _extend(spec.loader, self.repairs[name])
        return spec


_AROUND = _Around()


def _ask_all(name: str, path, target) -> Optional[ModuleSpec]:
    """Ask Python's finders in turn, as the import statement does."""
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


def _extend(loader: Loader, repair: Repair) -> None:
    """Let a loader run a module's code within its repair."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        with repair(module):
            execute(module)

    loader.exec_module = exec_module


def around_import(name: str, repair: Repair) -> None:
    """Repair a module when it is imported, or now if it has been.

    Args:
        name (str): Full name of the module.
        repair (Callable): Takes the module and gives a context manager, which
            is entered before the module's code runs and left after it. It
            may be entered more than once.
    """
    if name in sys.modules:
        with repair(sys.modules[name]):
            return
    _AROUND.repairs[name] = repair
    if _AROUND not in sys.meta_path:
        sys.meta_path.insert(0, _AROUND)
