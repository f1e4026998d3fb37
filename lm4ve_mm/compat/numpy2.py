"""Code of the toolboxes that numpy 2 broke."""

from typing import Any

import numpy as np

from lm4ve_mm.utils.install import is_installed


def _in1d(values: Any, test_values: Any, **kwargs) -> np.ndarray:
    """Do what ``numpy.in1d`` did: ``isin`` on the flattened values."""
    return np.isin(np.ravel(values), test_values, **kwargs)


REMOVED_NAMES = dict(
    in1d=_in1d, Inf=np.inf, trapz=getattr(np, 'trapezoid', None))


def restore_numpy_names() -> bool:
    """Bring back the numpy names that the toolboxes use.

    ``in1d`` for MMPretrain's retrieval metrics, ``Inf`` and ``trapz`` for
    MMAction2's pose transforms and ``ANetMetric``.
    """
    gone = [name for name in REMOVED_NAMES if not hasattr(np, name)]
    for name in gone:
        setattr(np, name, REMOVED_NAMES[name])
    return bool(gone)


class _Turn(float):
    """A shift of the hue whose levels are counted around the circle."""

    def __mul__(self, levels: int) -> int:
        """As many levels, from 0 to 255: -17 is 239, which uint8 can hold."""
        return int(float(self) * levels) % 256


def repair_adjust_hue() -> bool:
    """Let ``mmcv.adjust_hue`` turn backwards."""
    if not is_installed('mmcv'):
        return False
    import mmcv
    from mmcv.image import photometric

    upstream = photometric.adjust_hue
    try:
        upstream(np.zeros((1, 1, 3), np.uint8), -0.1)
        return False
    except OverflowError:
        pass

    def adjust_hue(img: np.ndarray, hue_factor: float,
                   backend: str | None = None) -> np.ndarray:
        return upstream(img, _Turn(hue_factor), backend)

    for module in (mmcv, mmcv.image, photometric):
        module.adjust_hue = adjust_hue
    return True
