"""Shapes that move or change their size, as arrays."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

# The second of each pair is the first played backwards: no single frame can
# tell them apart.
CLASSES = ('right', 'left', 'down', 'up', 'growing', 'shrinking')


def disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance from a disc of radius 1."""
    return np.hypot(x, y) - 1


def square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance, by the larger coordinate, from a square of half side 0.9."""
    return np.maximum(abs(x), abs(y)) - .9


def diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance from a square that stands on a corner."""
    return (abs(x) + abs(y) - 1.2) / np.sqrt(2)


def triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance from a triangle that points up (to negative y)."""
    side = (abs(x) * np.sqrt(3) - y) / 2
    return np.maximum(side, y) - .6


OUTLINES = (disc, square, diamond, triangle)


class Track(NamedTuple):
    """Where a shape is: centre and radius, from start to end, in pixels."""

    start: np.ndarray  # x, y, radius
    end: np.ndarray


def draw_track(pair: str, rng: Generator, size: int) -> Track:
    """Draw a track that stays within the picture.

    Args:
        pair (str): ``'right'``, ``'down'`` or ``'growing'``.
        rng (Generator): The random generator.
        size (int): Side of the picture in pixels.
    """
    if pair == 'growing':
        small, large = rng.uniform((.06, .2), (.1, .3)) * size
        centre = rng.uniform(large, size - large, 2)
        return Track(np.array([*centre, small]), np.array([*centre, large]))
    radius = rng.uniform(.1, .2) * size
    travel = rng.uniform(.35, .55) * size
    along = rng.uniform(radius, size - radius - travel)
    across = rng.uniform(radius, size - radius)
    if pair == 'right':
        return Track(np.array([along, across, radius]),
                     np.array([along + travel, across, radius]))
    return Track(np.array([across, along, radius]),
                 np.array([across, along + travel, radius]))


def draw_colours(rng: Generator) -> np.ndarray:
    """Draw colours (3, 3): two dark corners of the background, bright ink.

    Were the ink also drawn darker than its background, direction would be
    much harder to learn: a small model is long at a loss.
    """
    return rng.uniform([[0], [0], [150]], [[90], [90], [255]], (3, 3))


def render(label: int, rng: Generator, size: int, frames: int,
           noise: float) -> np.ndarray:
    """Render one clip.

    Args:
        label (int): Index into :data:`CLASSES`.
        rng (Generator): The random generator.
        size (int): Side in pixels.
        frames (int): T.
        noise (float): Standard deviation of the noise on every pixel.

    Returns:
        np.ndarray: (T, size, size, 3) uint8 RGB.
    """
    track = draw_track(CLASSES[label - label % 2], rng, size)
    outline = OUTLINES[rng.integers(len(OUTLINES))]
    one, other, ink = draw_colours(rng)
    y, x = np.mgrid[:size, :size] + .5
    slope = (x * rng.random() + y * rng.random())[..., None] / (2 * size)
    background = one + (other - one) * slope
    clip = np.empty((frames, size, size, 3), np.uint8)
    for i, share in enumerate(np.linspace(0, 1, frames)):
        centre_x, centre_y, radius = track.start + share * (track.end -
                                                           track.start)
        away = outline((x - centre_x) / radius, (y - centre_y) / radius)
        # Half a pixel on either side of the edge is blended.
        cover = np.clip(.5 - away * radius, 0, 1)[..., None]
        picture = background + (ink - background) * cover
        picture += rng.normal(0, noise, picture.shape)
        clip[i] = np.clip(picture.round(), 0, 255)
    return clip[::-1] if label % 2 else clip
