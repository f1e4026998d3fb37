"""From city coordinates to those of a scene, and back.

A scene's frame has its origin where the target is last seen, and is turned
by ``theta``: ``local = R(theta) (city - origin)``.
"""

import numpy as np


def rotation(theta: float | np.ndarray) -> np.ndarray:
    """R(theta) (..., 2, 2), counter-clockwise, for column vectors."""
    cosine, sine = np.cos(theta), np.sin(theta)
    rows = [np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)]
    return np.stack(rows, -2)


def to_local(points: np.ndarray, origin: np.ndarray,
             theta: float) -> np.ndarray:
    """City -> scene, (..., 2) float64."""
    return (points - origin) @ rotation(theta).T


def to_city(points: np.ndarray, origin: np.ndarray,
            theta: float) -> np.ndarray:
    """Scene -> city, (..., 2) float64."""
    return points @ rotation(theta) + origin
