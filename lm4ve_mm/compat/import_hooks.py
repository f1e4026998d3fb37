"""Repairs of modules that nobody has imported yet.

A toolbox that this run does not use is not imported for its repairs' sake.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

Repair = Callable[[ModuleType], AbstractContextManager]


class _Around(MetaPathFinder):
    """Finds modules as the others do, and runs repairs around their code."""

    def __init__(self) -> None:
        self.repairs: dict[str, list[Repair]] = {}

    def find_spec(self, name: str, path=None,
                  target=None) -> ModuleSpec | None:
        """Return what the other finders find, with its loader extended."""
        repairs = self.repairs.pop(name, None)
        if repairs is None:
            return None
        try:
            spec = find_spec(name)  # this finder knows it no more
        finally:
            self.repairs[name] = repairs
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                with ExitStack() as entered:
                    for repair in repairs:
                        entered.enter_context(repair(module))
                    execute(module)

            spec.loader.exec_module = exec_module
        return spec


_AROUND = _Around()


def around_import(name: str, repair: Repair) -> bool:
    """Repair a module when it is imported, or now if it has been.

    Args:
        name: Full name of the module.
        repair: Takes the module and gives a context manager, which is
            entered before the module's code runs and left after it. It may
            be entered more than once.

    Returns:
        bool: Whether the module was not known to need it.
    """
    if name in sys.modules:
        with repair(sys.modules[name]):
            return False
    repairs = _AROUND.repairs.setdefault(name, [])
    known = repair in repairs
    if not known:
        repairs.append(repair)
    if _AROUND not in sys.meta_path:
        sys.meta_path.insert(0, _AROUND)
    return not known
