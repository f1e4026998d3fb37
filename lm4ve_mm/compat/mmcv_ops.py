"""MMDetection and MMSegmentation beside an mmcv without compiled operators.

They import ``mmcv.ops`` as a whole, whatever they use of it. Nothing here
imports them: the repair waits until somebody does.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from importlib.util import find_spec
from types import ModuleType

from .import_hooks import around_import

EXTENSION = 'mmcv._ext'
TRANSFORMER = 'mmcv.cnn.bricks.transformer'
ATTENTION = 'MultiScaleDeformableAttention'


def supply_operators() -> bool:
    """Let MMDetection and MMSegmentation be imported beside mmcv-lite."""
    return any([around_import('mmdet', _with_operators),
                around_import('mmseg', _with_operators)])


@contextmanager
def _with_operators(module: ModuleType) -> Iterator[None]:
    if _needs_operators(module.__name__) and find_spec('mmcv') is not None:
        from .operators import stand_in
        sys.modules[EXTENSION] = stand_in(EXTENSION)
        # mmcv leaves this name out where it was imported without operators.
        transformer = import_module(TRANSFORMER)
        if not hasattr(transformer, ATTENTION):
            setattr(transformer, ATTENTION,
                    getattr(import_module('mmcv.ops'), ATTENTION))
    yield


def _needs_operators(toolbox: str) -> bool:
    """Whether there are none, and the toolbox cannot do without."""
    if EXTENSION in sys.modules or find_spec(EXTENSION) is not None:
        return False
    try:
        metadata.version('onedl-mmsegmentation')
    except metadata.PackageNotFoundError:
        return True
    return toolbox != 'mmseg'
