"""What keeps the MMAction2 wheel from being imported and used today.

Nothing here imports MMAction2: each repair waits until somebody does.
"""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from .import_hooks import around_import

LOCALIZERS = 'mmaction.models.localizers'
HUE_LEVELS = 180  # of OpenCV's 8-bit HSV


class _AbsentDRN:
    """Takes the place of MMAction2's ``DRN``."""

    def __init__(self, *args, **kwargs) -> None:
        raise ImportError(
            'the installed mmaction2 lacks mmaction/models/localizers/drn, '
            'as its wheel on PyPI does. For DRN, install it from source: pip '
            'install git+https://github.com/open-mmlab/mmaction2')


def supply_drn() -> bool:
    """Let ``import mmaction.models`` pass without the forgotten package."""
    return around_import(LOCALIZERS, _with_drn)


@contextmanager
def _with_drn(module: ModuleType) -> Iterator[None]:
    if not Path(module.__file__).with_name('drn').is_dir():
        from mmaction.registry import MODELS
        absent = ModuleType(f'{LOCALIZERS}.drn.drn')
        absent.DRN = MODELS.register_module(
            name='DRN', module=_AbsentDRN, force=True)
        sys.modules.setdefault(f'{LOCALIZERS}.drn',
                               ModuleType(f'{LOCALIZERS}.drn'))
        sys.modules.setdefault(absent.__name__, absent)
    yield


def keep_pretrained() -> bool:
    """Let ``VisionTransformer(pretrained=FILE)`` start from the file.

    It writes the file into ``init_cfg`` before ``BaseModule`` sets that.
    """
    return around_import('mmaction.models.backbones.vit_mae',
                         _with_pretrained)


@contextmanager
def _with_pretrained(module: ModuleType) -> Iterator[None]:
    yield
    build = module.VisionTransformer.__init__
    if hasattr(build, '__wrapped__'):
        return

    @functools.wraps(build)
    def built(self, *args, pretrained: str | None = None, **kwargs) -> None:
        build(self, *args, **kwargs)
        if pretrained:
            self.init_cfg = dict(type='Pretrained', checkpoint=pretrained)

    module.VisionTransformer.__init__ = built


def repair_video_hue() -> bool:
    """Replace the hue of MMAction2's ``ColorJitter`` where it overflows."""
    return around_import('mmaction.datasets.transforms.processing',
                         _with_sound_hue)


@contextmanager
def _with_sound_hue(module: ModuleType) -> Iterator[None]:
    yield
    pixel = np.zeros((1, 1, 3), np.uint8)
    try:
        module.ColorJitter.adjust_hue(pixel, -0.1)
    except OverflowError:
        module.ColorJitter.adjust_hue = staticmethod(_adjust_hue)


def _adjust_hue(img: np.ndarray, factor: float) -> np.ndarray:
    """Turn the hue of an RGB frame (H, W, 3); returns float32.

    MMAction2 counts a circle as 255 levels, of which OpenCV has 180; so it
    is here.
    """
    import cv2

    hsv = cv2.cvtColor(
        np.clip(img, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(factor * 255)) % HUE_LEVELS
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)
