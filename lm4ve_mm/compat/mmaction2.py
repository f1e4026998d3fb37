"""What keeps the MMAction2 wheel from being imported and used today.

Nothing here imports MMAction2: each repair waits until somebody does.
"""

import sys
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Iterator

import numpy as np

from .import_hooks import around_import

LOCALIZERS = 'mmaction.models.localizers'
# A version that MMAction2 1.2.0 accepts.
ACCEPTED_MMCV = '2.1.0'
HUE_LEVELS = 180  # of OpenCV's 8-bit HSV
GONE_FROM_TRANSFORMERS = 'apply_chunking_to_forward'


def accept_newer_mmcv() -> None:
    """Let ``import mmaction`` pass with mmcv 2.2 and later.

    Seen broken: mmaction2 1.2.0 with mmcv-lite 2.2.0 and onedl-mmcv 2.3.6:
    ``MMCV==2.3.6 is used but incompatible``. Its models work with them.
    Removable when mmaction2 raises its upper bound.
    """
    around_import('mmaction', _with_accepted_mmcv)


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


class _DRNFinder(MetaPathFinder, Loader):
    """Stands at the end of the line: asked only for what is not there."""

    def find_spec(self, name: str, path=None, target=None):
        """Give the package that the wheel forgot, and its module."""
        if name == f'{LOCALIZERS}.drn':
            return ModuleSpec(name, self, is_package=True)
        if name == f'{LOCALIZERS}.drn.drn':
            return ModuleSpec(name, self)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """Have Python make an empty module."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill it with a class that says why it is none."""
        if module.__name__.endswith('.drn.drn'):
            from mmaction.registry import MODELS
            module.DRN = MODELS.register_module(name='DRN', module=_AbsentDRN)


class _AbsentDRN:
    """Takes the place of MMAction2's ``DRN``."""

    def __init__(self, *args, **kwargs) -> None:
        raise ImportError(
            'the installed mmaction2 lacks mmaction/models/localizers/drn, '
            'as its wheel on PyPI does. For DRN, install it from source: pip '
            'install git+https://github.com/open-mmlab/mmaction2')


def supply_drn() -> None:
    """Let ``import mmaction.models`` pass without the forgotten package.

    Seen broken: the wheel of mmaction2 1.2.0 on PyPI: ``No module named
    'mmaction.models.localizers.drn'``. Removable when a release has it.
    """
    if not any(isinstance(finder, _DRNFinder) for finder in sys.meta_path):
        sys.meta_path.append(_DRNFinder())


def leave_out_multimodal() -> None:
    """Keep ``mmaction.models`` from importing VindLU where it cannot.

    Seen broken: mmaction2 1.2.0 with transformers 4.57.6 and 5.23.0:
    ``cannot import name 'apply_chunking_to_forward'``. VindLU is left out
    then; MMAction2's own placeholder refuses to build it. Removable when
    mmaction2 supports transformers 5.
    """
    around_import('mmaction.utils.dependency', _without_multimodal)


@contextmanager
def _without_multimodal(module: ModuleType) -> Iterator[None]:
    yield
    spec = find_spec('transformers')
    if module.WITH_MULTIMODAL and spec is not None:
        # Read, not imported: that would take seconds.
        source = Path(spec.origin).with_name('modeling_utils.py').read_text(
            encoding='utf-8')
        module.WITH_MULTIMODAL = GONE_FROM_TRANSFORMERS in source


def repair_video_hue() -> None:
    """Replace the hue of MMAction2's ``ColorJitter`` where it overflows.

    Seen broken: mmaction2 1.2.0 with numpy >= 2: ``Python integer -97 out of
    bounds for uint8``. Removable when mmaction2 computes in a signed type.
    """
    around_import('mmaction.datasets.transforms.processing', _with_sound_hue)


@contextmanager
def _with_sound_hue(module: ModuleType) -> Iterator[None]:
    yield
    pixel = np.zeros((1, 1, 3), np.uint8)
    try:
        module.ColorJitter.adjust_hue(pixel, -0.1)
    except OverflowError:
        module.ColorJitter.adjust_hue = staticmethod(_adjust_hue)


def _adjust_hue(img: np.ndarray, factor: float) -> np.ndarray:
    """Turn the hue of an RGB frame by ``factor`` * 255 of OpenCV's levels.

    Args:
        img (ndarray): (H, W, 3), RGB, 0..255, clipped there.
        factor (float): From -0.5 to 0.5. MMAction2 counts a circle as 255
            levels, of which OpenCV has 180; so it is here.

    Returns:
        ndarray: (H, W, 3) float32.
    """
    import cv2

    hsv = cv2.cvtColor(
        np.clip(img, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
    hue = hsv[..., 0].astype(np.int16) + int(factor * 255)
    hsv[..., 0] = hue % HUE_LEVELS
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)
