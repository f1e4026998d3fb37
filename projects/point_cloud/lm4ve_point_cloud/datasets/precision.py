"""Coordinates that a number of few digits cannot hold.

Far from the origin, neighbouring float32 numbers are far apart: 0.5 at the
5,400,000 m of a UTM northing, which is larger than a chair's details.
"""

import numpy as np

from .errors import DataError

# Of the extent of a cloud.
COARSEST = 1e-3


def is_coarse(points: np.ndarray, dtype: np.dtype) -> bool:
    """Whether a floating type is too coarse for a cloud where it lies.

    Args:
        points (np.ndarray): (..., P, 3), finite.
        dtype (np.dtype): Of the numbers that are to hold the coordinates, or
            that held them.
    """
    if not points.size or not np.issubdtype(dtype, np.floating):
        return False
    extent = np.ptp(points, axis=-2).max(-1)
    largest = abs(points).max((-2, -1))
    step = np.finfo(dtype).eps / 2 * largest
    return bool(((step > COARSEST * extent) & (extent > 0)).any())


def as_float32(points: np.ndarray, what: str) -> np.ndarray:
    """Convert clouds to float32 where that leaves their shape.

    Args:
        points (np.ndarray): (..., P, 3).
        what (str): What the message calls them.

    Raises:
        DataError: If they lie too far from the origin.
    """
    points = np.asarray(points)
    if points.dtype == np.float32:
        return points
    if np.isfinite(points).all() and is_coarse(points, np.float32):
        raise DataError(
            f'{what}: coordinates of up to {abs(points).max():.6g} would lose '
            'their shape in float32: centre the cloud first, with '
            "dict(type='lm4ve_mm.NormalizeCloud') in front of the pipeline "
            '(predict.py: --normalize)')
    return points.astype(np.float32)
