"""Fifteen solids, as points drawn evenly from their surfaces.

Each is one of three kinds: a line turned around the y axis, a polyhedron, or
some boxes together. :data:`SOLIDS` maps a name to a function of a random
generator that draws the proportions and returns the solid; a solid is a
function (generator, number) -> points (number, 3).
"""


from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

Solid = Callable[[Generator, int], np.ndarray]


def turned(*outline: Sequence[float]) -> Solid:
    """Turn a line of corners (radius, height) around the y axis."""
    line = np.array(outline, float)
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.hypot(*step.T)
    # Pappus: the area is that of the mean radius.
    area = length * (start[:, 0] + step[:, 0] / 2)

    def sample(rng: Generator, count: int) -> np.ndarray:
        part = rng.choice(len(area), count, p=area / area.sum())
        low, high = start[part, 0], start[part, 0] + step[part, 0]
        # Place along a part, more likely where the radius is larger: the
        # inverse of the distribution function, with equal radii as a limit.
        u = rng.random(count)
        root = np.sqrt(low**2 + u * (high**2 - low**2))
        place = np.where(
            np.isclose(low, high), u,
            (root - low) / np.where(np.isclose(low, high), 1, high - low))
        radius, height = (start[part] + place[:, None] * step[part]).T
        angle = rng.uniform(0, 2 * np.pi, count)
        return np.stack(
            [radius * np.cos(angle), height, radius * np.sin(angle)], 1)

    return sample


def arc(radius: float, height: float, start: float, stop: float,
        size: float) -> list:
    """Give corners on a circle of ``size`` around (radius, height)."""
    angles = np.linspace(start, stop, 33)
    return list(
        zip(radius + size * np.cos(angles), height + size * np.sin(angles)))


def polyhedron(corners: np.ndarray, faces: Sequence[Sequence[int]]) -> Solid:
    """Take flat convex faces, each a round of corners."""
    corners = np.array(corners, float)
    triangles = corners[[(face[0], a, b) for face in faces
                         for a, b in zip(face[1:], face[2:])]]
    origin, first, second = triangles.transpose(1, 0, 2)
    first, second = first - origin, second - origin
    area = np.linalg.norm(np.cross(first, second), axis=1)

    def sample(rng: Generator, count: int) -> np.ndarray:
        part = rng.choice(len(area), count, p=area / area.sum())
        u, v = rng.random((2, count, 1))
        u, v = np.where(u + v > 1, (1 - u, 1 - v), (u, v))
        return origin[part] + u * first[part] + v * second[part]

    return sample


def box(size: Sequence[float]) -> Solid:
    """Take a box around the origin; ``size`` is half of its extent."""
    corners = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    faces = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6),
             (0, 2, 6, 4), (1, 3, 7, 5)]
    return polyhedron(np.array(corners) * size, faces)


def together(*boxes: Sequence) -> Solid:
    """Join boxes (centre, half of the extent), without what is inside."""
    centres = np.array([centre for centre, _ in boxes], float)
    sizes = np.array([size for _, size in boxes], float)
    areas = (sizes * np.roll(sizes, 1, axis=1)).sum(1)
    surfaces = [box(size) for size in sizes]

    def sample(rng: Generator, count: int) -> np.ndarray:
        kept = np.empty((0, 3))
        while len(kept) < count:
            shares = rng.multinomial(2 * count, areas / areas.sum())
            points = np.concatenate([
                centre + surface(rng, share) for centre, surface, share in zip(
                    centres, surfaces, shares)
            ])
            offsets = abs(points[:, None] - centres)
            inside = (offsets < sizes - 1e-9).all(2).any(1)
            kept = np.concatenate([kept, rng.permutation(points[~inside])])
        return kept[:count]

    return sample


def pyramid(rng: Generator) -> Solid:
    """A square base and a tip."""
    tip = rng.uniform(1.2, 2)
    corners = [(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1), (0, tip, 0)]
    return polyhedron(corners, [(0, 1, 2, 3), (0, 1, 4), (1, 2, 4), (2, 3, 4),
                                (3, 0, 4)])


def octahedron(rng: Generator) -> Solid:
    """Two square pyramids, base to base."""
    tip = rng.uniform(.9, 1.4)
    corners = [(1, 0, 0), (0, 0, 1), (-1, 0, 0), (0, 0, -1), (0, tip, 0),
               (0, -tip, 0)]
    return polyhedron(corners, [(i, (i + 1) % 4, end) for i in range(4)
                                for end in (4, 5)])


def prism(rng: Generator) -> Solid:
    """A triangle drawn out."""
    half = rng.uniform(.7, 1.3)
    angles = np.arange(3) * 2 * np.pi / 3
    corners = [(np.cos(a), end, np.sin(a)) for end in (-half, half)
               for a in angles]
    return polyhedron(corners, [(0, 1, 2), (3, 4, 5), (0, 1, 4, 3),
                                (1, 2, 5, 4), (2, 0, 3, 5)])


def capsule(rng: Generator) -> Solid:
    """A cylinder with half spheres as ends."""
    half = rng.uniform(.8, 1.5)
    return turned(*arc(0, -half, -np.pi / 2, 0, 1),
                  *arc(0, half, 0, np.pi / 2, 1))


def torus(rng: Generator) -> Solid:
    """A ring."""
    return turned(*arc(1, 0, 0, 2 * np.pi, rng.uniform(.2, .45)))


def tube(rng: Generator) -> Solid:
    """A pipe with a wall, open at both ends."""
    half, inner = rng.uniform(.6, 1.2), rng.uniform(.65, .8)
    return turned((inner, -half), (1, -half), (1, half), (inner, half),
                  (inner, -half))


def hourglass(rng: Generator) -> Solid:
    """Two cones, tip to tip."""
    half, waist = rng.uniform(.9, 1.4), rng.uniform(.05, .25)
    return turned((0, -half), (1, -half), (waist, 0), (1, half), (0, half))


def cylinder(rng: Generator) -> Solid:
    """A round bar with flat ends."""
    half = rng.uniform(.7, 1.6)
    return turned((0, -half), (1, -half), (1, half), (0, half))


def cross(rng: Generator) -> Solid:
    """Three bars through one point, at right angles."""
    thin = rng.uniform(.2, .33)
    return together(*(((0, 0, 0), np.roll((1, thin, thin), axis))
                      for axis in range(3)))


def bracket(rng: Generator) -> Solid:
    """Two boards in the shape of an L."""
    thin, depth = rng.uniform(.12, .2), rng.uniform(.5, .9)
    return together(((0, thin, 0), (1, thin, depth)),
                    ((thin - 1, 1, 0), (thin, 1, depth)))


TETRAHEDRON = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))

SOLIDS: dict[str, Callable[[Generator], Solid]] = dict(
    sphere=lambda rng: turned(*arc(0, 0, -np.pi / 2, np.pi / 2, 1)),
    cube=lambda rng: box((1, 1, 1)),
    cone=lambda rng: turned((0, 0), (1, 0), (0, rng.uniform(1.5, 2.5))),
    torus=torus,
    cylinder=cylinder,
    pyramid=pyramid,
    tetrahedron=lambda rng: polyhedron(TETRAHEDRON, [
        (0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]),
    octahedron=octahedron,
    capsule=capsule,
    hemisphere=lambda rng: turned((0, 0), *arc(0, 0, 0, np.pi / 2, 1)),
    prism=prism,
    tube=tube,
    hourglass=hourglass,
    cross=cross,
    bracket=bracket)
