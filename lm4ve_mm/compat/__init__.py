"""Repairs of what is broken in the installed toolboxes.

:mod:`lm4ve_mm.compat.breakages` lists them. Nothing is repaired by an import
of this package: :func:`apply` does it, which :mod:`lm4ve_mm.plugin` and
:mod:`lm4ve_mm.apis` call. The tools do so before they read a config, since
``_base_`` is resolved before ``custom_imports`` can import anything.
"""

import os
import sys
from importlib import import_module
from multiprocessing import parent_process

__all__ = ['apply']


def apply() -> list[str]:
    """Repair what this environment needs, and say so on stderr, once.

    Returns:
        list[str]: Names of the breakages that this call repaired.
    """
    from .breakages import BREAKAGES
    from .facts import collect
    facts = collect(load_libraries=False)
    repaired = []
    for breakage in BREAKAGES:
        changed = [_call(repair) for repair in breakage.repairs]
        if any(changed) and breakage.find(facts):
            repaired.append(breakage.name)
    # Not again by each process of a run and each worker of a data loader.
    if repaired and parent_process() is None and os.environ.get(
            'RANK', '0') == '0':
        # No run has a log yet, and stdout may be what a tool makes.
        print(f'lm4ve_mm.compat repaired: '  # noqa: T201
              f'{"; ".join(repaired)}', file=sys.stderr, flush=True)
    return repaired


def _call(repair: str) -> bool:
    """Call ``module:function`` of this package."""
    module, _, function = repair.partition(':')
    return getattr(import_module(f'.{module}', __name__), function)()
