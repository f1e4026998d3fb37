"""Where a situation is and which way it faces.

A rotation is a quaternion (x, y, z, w), the scalar last. The direction that
a situation faces is its rotation applied to :data:`FACING`. Positions of
SQA3D are relative to the centre of the box around the raw mesh.
"""

import numpy as np

from lm4ve_mm.utils.errors import DataError

FACING = np.array([-1., 0., 0.])
# How far a quaternion may be from length 1, as text rounds it.
LENGTH_TOLERANCE = 1e-3
# How far from a pure turn about z a situation may be mirrored.
TILT_TOLERANCE = 1e-4


def to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """The rotation matrix (3, 3) of (x, y, z, w), float64.

    Raises:
        DataError: If these are not four finite numbers of length 1.
    """
    found = np.asarray(quaternion, np.float64)
    if found.shape != (4, ) or not np.isfinite(found).all():
        raise DataError(f'a rotation is a quaternion of four finite numbers '
                        f'(x, y, z, w), not {found.tolist()}')
    length = np.linalg.norm(found)
    if abs(length - 1) > LENGTH_TOLERANCE:
        raise DataError(f'the quaternion {found.tolist()} has length '
                        f'{length:.4g}; a rotation has length 1')
    x, y, z, w = found / length
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])


def to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """The quaternion (x, y, z, w) of a rotation matrix, float64.

    Of the two signs the one whose largest component is positive, as SciPy
    has it.
    """
    m = np.asarray(matrix, np.float64)
    trace = np.trace(m)
    best = int(np.argmax([*np.diag(m), trace]))
    found = np.empty(4)
    if best == 3:
        found[:] = (m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1],
                    1 + trace)
    else:
        i, j, k = best, (best + 1) % 3, (best + 2) % 3
        found[i] = 1 - trace + 2 * m[i, i]
        found[j] = m[j, i] + m[i, j]
        found[k] = m[k, i] + m[i, k]
        found[3] = m[k, j] - m[j, k]
    return found / np.linalg.norm(found)


def heading_of(quaternion: np.ndarray) -> np.ndarray:
    """The direction (3, ) that a rotation faces."""
    return to_matrix(quaternion) @ FACING


def from_heading(degrees: float) -> np.ndarray:
    """The quaternion that faces an angle, from +x towards +y, in the plane.
    """
    half = np.radians(degrees + 180) / 2
    return np.array([0., 0., np.sin(half), np.cos(half)])


def check_pure_turn(matrix: np.ndarray) -> None:
    """Refuse to mirror a situation that is tilted.

    Raises:
        DataError: If the rotation is not one about the z axis.
    """
    tilt = max(np.abs(matrix[2, :2]).max(), np.abs(matrix[:2, 2]).max(),
               abs(matrix[2, 2] - 1))
    if tilt > TILT_TOLERANCE:
        raise DataError(
            'the rotation of a situation is not a pure turn about the z axis '
            f'(it is off by {tilt:.3g}), so that a flipped one would be no '
            'rotation; all situations of SQA3D are. Are its components in '
            'another order than (x, y, z, w)? Else train without '
            "flips: dict(type='lm4ve_mm.AugmentScene', flip=False)")
