"""Turning pictures as the file says, such as those of an upright phone."""

import numpy as np

MATRIX = 'DISPLAYMATRIX'


def is_turned(frame) -> bool:
    """Whether a decoded frame is not to be shown as it is stored."""
    return frame.side_data.get(MATRIX) is not None


def upright(picture: np.ndarray, frame) -> np.ndarray:
    """Turn and mirror a decoded picture the way it is to be shown.

    The display matrix takes column x and row y to ``a x + c y`` and
    ``b x + d y`` (QuickTime file format, track header). Quarter turns and
    mirror images are followed, other angles are not.

    Args:
        picture (np.ndarray): (H, W, 3).
        frame (av.VideoFrame): What it was decoded from.

    Returns:
        np.ndarray: (H, W, 3) or (W, H, 3), contiguous.
    """
    if not is_turned(frame):
        return picture
    matrix = np.frombuffer(frame.side_data.get(MATRIX), np.int32)
    a, b, _, c, d = matrix[:5].tolist()
    if not (a or d):
        picture, a, d = picture.swapaxes(0, 1), c, b
    elif b or c:
        return picture
    rows, columns = slice(None, None, -1 if d < 0 else 1), slice(
        None, None, -1 if a < 0 else 1)
    return np.ascontiguousarray(picture[rows, columns])
