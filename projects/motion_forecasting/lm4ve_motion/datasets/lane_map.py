"""Lanes of a map as arrays, whatever benchmark they are from."""

from typing import NamedTuple

import numpy as np

POINTS = 10  # of a centreline
NONE, LEFT, RIGHT = 0, 1, 2  # turns


class LaneMap(NamedTuple):
    """The lanes of a city or of a scenario.

    Attributes:
        ids: (L, ) int64, ascending.
        points: (L, 10, 2) float64, centrelines in city coordinates.
        boxes: (L, 4) float64: x_min, y_min, x_max, y_max of the lanes.
        turns: (L, ) 0 none, 1 left, 2 right.
        intersections: (L, ) bool.
        controls: (L, ) bool: signs or lights.
    """

    ids: np.ndarray
    points: np.ndarray
    boxes: np.ndarray
    turns: np.ndarray
    intersections: np.ndarray
    controls: np.ndarray

    def near(self, centre: np.ndarray, reach: float) -> np.ndarray:
        """Lanes whose box overlaps or touches a square.

        Args:
            centre: (2, ).
            reach: Half of the square's side, in metres.

        Returns:
            np.ndarray: Their rows, ids ascending.
        """
        low, high = self.boxes[:, :2], self.boxes[:, 2:]
        inside = (low <= centre + reach) & (high >= centre - reach)
        return np.flatnonzero(inside.all(1))

    def pick(self, rows: np.ndarray) -> 'LaneMap':
        """Some of the lanes."""
        return LaneMap(*(field[rows] for field in self))


def no_lanes() -> LaneMap:
    """A map without any lane, where there is none."""
    flags = np.zeros(0, bool)
    return LaneMap(
        np.zeros(0, np.int64), np.zeros((0, POINTS, 2)), np.zeros((0, 4)),
        np.zeros(0, np.int64), flags, flags)


def resample(line: np.ndarray, count: int = POINTS) -> np.ndarray:
    """Points at equal arc lengths along a line (N, 2), its ends included."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.], np.cumsum(lengths)])
    wanted = np.linspace(0, along[-1], count)
    return np.stack(
        [np.interp(wanted, along, line[:, i]) for i in range(2)], 1)


def edge_padded(line: np.ndarray, count: int = POINTS) -> np.ndarray:
    """A short line (N, 2) with its last point repeated."""
    return np.pad(line, ((0, count - len(line)), (0, 0)), 'edge')
