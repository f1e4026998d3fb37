"""Code of the toolboxes that numpy 2 broke."""

from importlib.util import find_spec
from typing import Any, Optional

import numpy as np

HUE_LEVELS = 256


def _in1d(values: Any, test_values: Any, **kwargs) -> np.ndarray:
    """Do what ``numpy.in1d`` did: ``isin`` on the flattened values."""
    return np.isin(np.ravel(values), test_values, **kwargs)


REMOVED_NAMES = dict(
    in1d=_in1d, Inf=np.inf, trapz=getattr(np, 'trapezoid', None))


def restore_numpy_names() -> None:
    """Bring back the numpy names that the toolboxes use.

    Seen broken: mmpretrain 1.2.0 (``RetrievalRecall``,
    ``RetrievalAveragePrecision``) with numpy >= 2.4, which dropped ``in1d``;
    fixed in onedl-mmpretrain 1.3.6. mmaction2 1.2.0 (``ANetMetric``, pose
    transforms) with numpy >= 2.0 for ``Inf``, >= 2.4 for ``trapz``. Removable
    when they use ``isin``, ``inf`` and ``trapezoid``.
    """
    for name, value in REMOVED_NAMES.items():
        if not hasattr(np, name):
            setattr(np, name, value)


def repair_adjust_hue() -> None:
    """Replace ``mmcv.adjust_hue`` where a negative shift overflows.

    Seen broken: mmcv-lite 2.1.0 and 2.2.0 with numpy >= 2, where half of the
    draws of ``ColorJitter(hue=...)`` die with ``Python integer -17 out of
    bounds for uint8``. Fixed in onedl-mmcv 2.3.6. Removable with mmcv < 2.3.
    """
    if find_spec('mmcv') is None:
        return
    import mmcv
    from mmcv.image import photometric

    pixel = np.zeros((1, 1, 3), np.uint8)
    try:
        mmcv.adjust_hue(pixel, -0.1)
    except OverflowError:
        for module in (mmcv, mmcv.image, photometric):
            module.adjust_hue = _adjust_hue


def _adjust_hue(img: np.ndarray,
                hue_factor: float,
                backend: Optional[str] = None) -> np.ndarray:
    """Turn the hue of a BGR image; replaces ``mmcv.adjust_hue``.

    Args:
        img (ndarray): Image of shape (H, W, 3), BGR, levels 0..255.
        hue_factor (float): Shift in turns, from -0.5 to 0.5.
        backend (str, optional): ``'cv2'`` or ``'pillow'``. Defaults to
            mmcv's own default.

    Returns:
        ndarray: The turned image, of the same shape and type.

    Raises:
        ValueError: If the backend is unknown or the shift out of range.
        TypeError: If ``img`` is not an array of two or three axes.
    """
    import cv2
    from mmcv.image import photometric
    from PIL import Image

    backend = backend or photometric.imread_backend
    if backend not in ('cv2', 'pillow'):
        raise ValueError(
            f"adjust_hue has the backends 'cv2' and 'pillow', not {backend!r}")
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(
            f'hue_factor is a shift from -0.5 to 0.5, not {hue_factor}')
    if not isinstance(img, np.ndarray) or img.ndim not in (2, 3):
        raise TypeError(
            'adjust_hue takes an array of two or three axes, not '
            f'{type(img).__name__}')

    # Hue is a circle: a shift of -17 is one of 239, which uint8 can hold.
    shift = np.uint8(int(hue_factor * (HUE_LEVELS - 1)) % HUE_LEVELS)
    levels = np.ascontiguousarray(img, np.uint8)
    if backend == 'cv2':
        hsv = cv2.cvtColor(levels, cv2.COLOR_BGR2HSV_FULL)
        hsv[..., 0] += shift
        turned = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR_FULL)
    else:
        hsv = np.array(Image.fromarray(levels[..., ::-1]).convert('HSV'))
        hsv[..., 0] += shift
        picture = Image.frombytes('HSV', hsv.shape[1::-1], hsv.tobytes())
        turned = np.array(picture.convert('RGB'))[..., ::-1]
    return turned.astype(img.dtype)
