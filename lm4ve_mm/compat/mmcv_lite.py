"""A warning of mmcv-lite that sends its reader the wrong way."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .import_hooks import around_import

ADVICE = 'Fail to import ``MultiScaleDeformableAttention``'


def drop_advice() -> bool:
    """Keep mmcv-lite from advising to install the full mmcv.

    Nothing here uses its operators, and MMAction2 refuses the newer ones.
    """
    return around_import('mmcv.cnn.bricks.transformer', _without_advice)


@contextmanager
def _without_advice(module: ModuleType) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message=ADVICE)
        yield
