"""Furniture of generated rooms: boxes put together, and points on them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .classes import NYU40

# Of the red, green and blue of things, 0 to 255.
COLOURS = dict(red=(200, 40, 40), green=(50, 160, 60), blue=(50, 70, 200),
               yellow=(225, 200, 50))
LEG = .08
COLOUR_NOISE, POINT_NOISE = 10., .01

Part = tuple[Sequence[float], Sequence[float]]


def legs(depth: float, width: float, height: float) -> list[Part]:
    """Four legs at the corners of something."""
    return [((x * (depth - LEG) / 2, y * (width - LEG) / 2, height / 2),
             (LEG, LEG, height)) for x in (-1, 1) for y in (-1, 1)]


def with_back(depth: float, width: float, seat: float, height: float,
              thick: float) -> list[Part]:
    """Something to sit on, its back towards the wall."""
    return [((0, 0, seat / 2), (depth, width, seat)),
            ((depth / 2 - thick / 2, 0, height / 2), (thick, width, height))]


class Kind(NamedTuple):
    """One kind of furniture.

    Attributes:
        size: Depth (from the wall), width and height in metres.
        parts: Gives centres and sizes of its boxes, with depth along x.
        use: What people do with it.
    """

    size: tuple[float, float, float]
    parts: object
    use: str


KINDS = dict(
    chair=Kind((.5, .5, .95), lambda d, w, h: with_back(
        d, w, .45, h, .08), 'sit'),
    sofa=Kind((.8, 1.6, .8), lambda d, w, h: with_back(
        d, w, .4, h, .2), 'sit'),
    table=Kind((.75, 1.2, .72), lambda d, w, h: [
        ((0, 0, h - .03), (d, w, .06)), *legs(d, w, h - .06)], 'eat'),
    bed=Kind((1.2, 1.7, .5), lambda d, w, h: [
        ((0, 0, h / 2), (d, w, h))], 'sleep'),
    refrigerator=Kind((.65, .65, 1.6), lambda d, w, h: [
        ((0, 0, h / 2), (d, w, h))], 'cool'))
# On the walls: thickness, width, lower and upper edge, colour.
LANDMARKS = dict(
    picture=(.04, .8, 1.2, 1.8, (150, 90, 40)),
    window=(.04, 1.2, 1., 2., (120, 190, 235)),
    curtain=(.08, 1., .3, 2.1, (150, 60, 160)),
    door=(.04, .9, 0., 2., (110, 70, 40)))


class Thing(NamedTuple):
    """Something in a room that has a box.

    Attributes:
        name: Kind, and class of ScanNet.
        colour: Its name; empty for landmarks.
        side: The wall that it stands at, 0 to 3: +x, +y, -x, -y.
        points: (N, 6): x, y, z, red, green, blue.
        low, high: Corners (3, ) of the box around it.
    """

    name: str
    colour: str
    side: int
    points: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def label(self) -> int:
        """Of NYU40."""
        return NYU40[self.name]


def on_box(centre: Sequence[float], size: Sequence[float], count: int,
           rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points on the surface of a box, and the outward normals there.

    Returns:
        tuple: (count, 3) and (count, 3).
    """
    size = np.asarray(size, float)
    areas = size.prod() / size
    axes = rng.choice(3, count, p=areas / areas.sum())
    signs = rng.choice([-1., 1.], count)
    unit = rng.uniform(-.5, .5, (count, 3))
    rows = np.arange(count)
    unit[rows, axes] = .5 * signs
    normals = np.zeros((count, 3))
    normals[rows, axes] = signs
    return centre + unit * size, normals


def seen_from(points: np.ndarray, normals: np.ndarray,
              eye: np.ndarray) -> np.ndarray:
    """Which points of closed boxes face a scanner, (N, ) bool."""
    return ((eye - points) * normals).sum(1) > 0


def painted(points: np.ndarray, colour: Sequence[float],
            rng: np.random.Generator) -> np.ndarray:
    """Points with noise and noisy colours, (N, 6)."""
    noisy = points + rng.normal(0, POINT_NOISE, points.shape)
    light = rng.uniform(.85, 1.05)
    colours = (light * np.asarray(colour)
               + rng.normal(0, COLOUR_NOISE, points.shape))
    return np.concatenate([noisy, colours.clip(0, 255).round()], 1)


def scan(parts: Sequence[Part], count: int, eye: np.ndarray,
         rng: np.random.Generator) -> np.ndarray:
    """Points of boxes that a scanner sees, (count, 3).

    Args:
        parts: Centres and sizes.
        count: How many.
        eye: (3, ) where the scanner stands.
        rng: Of all that is random.
    """
    areas = np.array([np.prod(size) * sum(1 / np.asarray(size))
                      for _, size in parts])
    found: list[np.ndarray] = []
    while sum(map(len, found)) < count:
        shares = rng.multinomial(2 * count, areas / areas.sum())
        for (centre, size), share in zip(parts, shares):
            points, normals = on_box(centre, size, share, rng)
            found.append(points[seen_from(points, normals, eye)])
    return rng.permutation(np.concatenate(found))[:count]


def turned(points: np.ndarray, side: int) -> np.ndarray:
    """Turn points (N, 3) from the wall at +x to another one."""
    x, y, z = points.T
    return np.stack([(x, y, z), (-y, x, z), (-x, -y, z), (y, -x, z)][side], 1)


def place(kind: str, colour: str, side: int, half: float, count: int,
          rng: np.random.Generator) -> Thing:
    """Put furniture at a wall of a room.

    Args:
        kind: Of :data:`KINDS`.
        colour: Of :data:`COLOURS`.
        side: The wall.
        half: Half the length of the room.
        count: Points.
        rng: Of all that is random.
    """
    size = np.array(KINDS[kind].size) * rng.uniform(.9, 1.1, 3)
    shift = np.array([half - size[0] / 2 - rng.uniform(.05, .15),
                      rng.uniform(-.2, .2), 0.])
    parts = [(np.add(centre, shift), extent)
             for centre, extent in KINDS[kind].parts(*size)]
    points = turned(scan(parts, count, np.array([-half / 2, 0, 1.5]), rng),
                    side)
    return boxed(kind, colour, side, painted(points, COLOURS[colour], rng))


def hang(name: str, side: int, half: float, count: int,
         rng: np.random.Generator) -> Thing:
    """Put a landmark on a wall."""
    thick, width, low, high, colour = LANDMARKS[name]
    part = ((half - thick / 2, 0, (low + high) / 2),
            (thick, width, high - low))
    points = turned(scan([part], count, np.array([0, 0, 1.5]), rng), side)
    return boxed(name, '', side, painted(points, colour, rng))


def boxed(name: str, colour: str, side: int, points: np.ndarray) -> Thing:
    """A thing with the box around its points, as ScanNet's boxes are."""
    return Thing(name, colour, side, points, points[:, :3].min(0),
                 points[:, :3].max(0))
