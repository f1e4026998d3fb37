"""Toolboxes that refuse an mmcv which is newer than they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .import_hooks import around_import

# MMAction2 1.2.0, MMSegmentation 1.2.2 and MMDetection 3.3.0.
REFUSING = ('mmaction', 'mmseg', 'mmdet')
# A version that all of them accept.
ACCEPTED_MMCV = '2.1.0'


def accept_newer_mmcv() -> bool:
    """Let them be imported with mmcv 2.2 and later, which works."""
    return any([around_import(toolbox, _with_accepted_mmcv)
                for toolbox in REFUSING])


@contextmanager
def _with_accepted_mmcv(module: ModuleType) -> Iterator[None]:
    import mmcv
    from mmengine.utils import digit_version

    real = mmcv.__version__
    if digit_version(real) >= digit_version('2.2.0'):
        mmcv.__version__ = ACCEPTED_MMCV
    try:
        yield
    finally:
        mmcv.__version__ = real
