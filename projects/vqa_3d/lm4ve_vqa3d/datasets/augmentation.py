"""Mirroring, turning and shifting a scene, its boxes and a situation.

The texts stay as they are, although a mirrored room has left and right
exchanged: so does the reference.
"""

from typing import NamedTuple

import numpy as np

from .situations import check_pure_turn

# The reference draws shifts from this grid, in metres.
SHIFT_STEP = .001


class Draws(NamedTuple):
    """What was drawn for one visit of a scene.

    Attributes:
        flip_x: Whether x changes its sign.
        flip_y: Whether y does.
        angles: Radians about x, y and z, one after the other.
        shift: (3, ) metres.
    """

    flip_x: bool
    flip_y: bool
    angles: tuple[float, float, float]
    shift: np.ndarray


def draws_of(uniform: np.ndarray, steps: np.ndarray, flip: bool = True,
             degrees: float = 5., reach: float = .5) -> Draws:
    """Turn random numbers into what is done.

    Args:
        uniform: (5, ) from 0 to 1: the two flips, the three angles.
        steps: (3, ) places of the shifts in a grid from ``-reach`` in steps
            of a millimetre.
        flip: Whether to mirror at all.
        degrees: Largest angle.
        reach: Largest shift in metres.
    """
    angles = (2 * np.asarray(uniform[2:5]) - 1) * np.radians(degrees)
    return Draws(
        flip and bool(uniform[0] > .5), flip and bool(uniform[1] > .5),
        tuple(angles.tolist()), np.asarray(steps) * SHIFT_STEP - reach)


def turn_about(axis: int, angle: float) -> np.ndarray:
    """The matrix (3, 3) of a turn about x (0), y (1) or z (2)."""
    cos, sin = np.cos(angle), np.sin(angle)
    found = np.eye(3)
    one, two = (axis + 1) % 3, (axis + 2) % 3
    found[one, one] = found[two, two] = cos
    found[two, one], found[one, two] = sin, -sin
    return found


def turned_sizes(sizes: np.ndarray, axis: int, angle: float) -> np.ndarray:
    """Sizes (K, 3) of the boxes around turned boxes.

    About z it is the box around the corners. About x and y the reference
    mixes up coordinates, and one extent is only multiplied by the cosine.
    """
    cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
    x, y, z = sizes.T
    return np.stack({
        0: (x, y, cos * z),
        1: (cos * x, y, z),
        2: (cos * x + sin * y, sin * x + cos * y, z),
    }[axis], 1)


def move_points(points: np.ndarray, draws: Draws) -> np.ndarray:
    """Move points (N, 3), in float64."""
    found = points * np.where([draws.flip_x, draws.flip_y, False], -1., 1.)
    for axis, angle in enumerate(draws.angles):
        found = found @ turn_about(axis, angle).T
    return found + draws.shift


def move_boxes(boxes: np.ndarray, draws: Draws) -> np.ndarray:
    """Move boxes (K, 8); what follows centre and size stays."""
    found = boxes.astype(np.float64)
    found[:, :3] = move_points(boxes[:, :3], draws)
    for axis, angle in enumerate(draws.angles):
        found[:, 3:6] = turned_sizes(found[:, 3:6], axis, angle)
    return found


def move_rotation(rotation: np.ndarray, draws: Draws) -> np.ndarray:
    """Move the rotation (3, 3) of a situation.

    Raises:
        DataError: If x changes its sign and it is no pure turn about z: the
            reference would give something that is no rotation.
    """
    found = np.array(rotation, np.float64)
    if draws.flip_x:
        check_pure_turn(found)
        found[[0, 1], [0, 1]] *= -1
    if draws.flip_y:
        order = [1, 0, 2]
        found = found[order][:, order]
    for axis, angle in enumerate(draws.angles):
        found = turn_about(axis, angle) @ found
    return found
