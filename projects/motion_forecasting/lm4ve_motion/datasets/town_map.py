"""The streets of a generated town: bent roads, crossings, lights."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from .lane_map import LEFT, NONE, RIGHT, LaneMap, resample

BLOCKS = 4  # crossings along each side of the town
SPACING = 110.  # metres between them
LANE_WIDTH = 3.8
MARGIN = 14.  # metres from a crossing's middle to where its lanes begin
PIECE = 25.  # metres of a lane, about
# Where the town lies in the city whose name its files have.
CORNER = np.array([2000., 1500.])
# A lane whose direction changes by more than that is a turn.
TURN_ANGLE = np.deg2rad(25)
NUM_LANES = 2  # in each direction


class Lane(NamedTuple):
    """One lane between crossings, or across one.

    Attributes:
        line: (N, 2), about a metre apart.
        along: (N, ) metres from its begin.
        turn: Of :mod:`.lane_map`.
        crossing: Whether it leads across one.
        light: Whether a traffic light stands before it.
        after: Places of the lanes that follow.
    """

    line: np.ndarray
    along: np.ndarray
    turn: int
    crossing: bool
    light: bool
    after: list[int]


def bend(start: np.ndarray, end: np.ndarray, out: np.ndarray,
         into: np.ndarray) -> np.ndarray:
    """A cubic curve (N, 2), a metre between points.

    Args:
        start, end: (2, ).
        out, into: (2, ) directions at both ends.
    """
    reach = np.linalg.norm(end - start)
    t = np.linspace(0, 1, max(4, int(reach) + 1))[:, None]
    a, b = start + out * reach / 3, end - into * reach / 3
    return ((1 - t)**3 * start + 3 * (1 - t)**2 * t * a
            + 3 * (1 - t) * t**2 * b + t**3 * end)


def sideways(line: np.ndarray, offset: float) -> np.ndarray:
    """A line moved to the right by ``offset`` metres."""
    ahead = np.gradient(line, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    return line + offset * np.stack([ahead[:, 1], -ahead[:, 0]], 1)


def distances(line: np.ndarray) -> np.ndarray:
    """Metres (N, ) from the begin of a line."""
    pieces = np.linalg.norm(np.diff(line, axis=0), axis=1)
    return np.concatenate([[0.], np.cumsum(pieces)])


def ends(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (2, ) at the begin and at the end of a line."""
    first, last = line[1] - line[0], line[-1] - line[-2]
    return first / np.linalg.norm(first), last / np.linalg.norm(last)


def turn_of(before: np.ndarray, after: np.ndarray) -> int:
    """The kind of turn between two directions."""
    cross = before[0] * after[1] - before[1] * after[0]
    angle = np.arctan2(cross, before @ after)
    return (NONE if abs(angle) <= TURN_ANGLE else
            LEFT if angle > 0 else RIGHT)


def roads(rng: Generator) -> tuple[list[Lane], dict, dict]:
    """Lanes between crossings.

    Returns:
        tuple: The lanes, and which of them lead to and away from each
        crossing, by its place in the grid, from the inner to the outer one.
    """
    grid = [(i, j) for i in range(BLOCKS) for j in range(BLOCKS)]
    middle = {node: CORNER + SPACING * np.array(node)
              + rng.uniform(-16, 16, 2) for node in grid}
    lanes, coming, going = [], {}, {}
    for i, j in grid:
        for other in ((i + 1, j), (i, j + 1)):
            if other not in middle:
                continue
            a, b = middle[i, j], middle[other]
            straight = (b - a) / np.linalg.norm(b - a)
            angles = rng.uniform(-.35, .35, 2)
            out, into = (np.array([
                straight[0] * np.cos(w) - straight[1] * np.sin(w),
                straight[0] * np.sin(w) + straight[1] * np.cos(w)])
                for w in angles)
            centre = bend(a + MARGIN * out, b - MARGIN * into, out, into)
            for line, start, end in ((centre, (i, j), other),
                                     (centre[::-1], other, (i, j))):
                for lane in range(NUM_LANES):
                    offset = LANE_WIDTH * (lane + .5)
                    coming.setdefault(end, []).append(len(lanes))
                    going.setdefault(start, []).append(len(lanes))
                    side = sideways(line, offset)
                    lanes.append(Lane(
                        side, distances(side), NONE, False, False, []))
    return lanes, coming, going


def add_crossings(lanes: list[Lane], coming: dict, going: dict,
                  rng: Generator) -> None:
    """Join roads: straight on in lane, left from the inner, right from the
    outer one; never back.
    """
    for node, arriving in coming.items():
        light = bool(rng.random() < .5)
        for entry in arriving:
            inner = entry % NUM_LANES == 0
            for leaving in going[node]:
                # The two directions of a road lie side by side.
                if entry // (2 * NUM_LANES) == leaving // (2 * NUM_LANES):
                    continue
                if entry % NUM_LANES != leaving % NUM_LANES:
                    continue
                _, before = ends(lanes[entry].line)
                after, _ = ends(lanes[leaving].line)
                turn = turn_of(before, after)
                if turn == (RIGHT if inner else LEFT):
                    continue
                line = bend(lanes[entry].line[-1], lanes[leaving].line[0],
                            before, after)
                lanes[entry].after.append(len(lanes))
                lanes.append(Lane(line, distances(line), turn, True, light,
                                  [leaving]))


def build_town(seed: int) -> list[Lane]:
    """All lanes of a town; the same seed gives the same town."""
    rng = np.random.default_rng((seed, 77))
    lanes, coming, going = roads(rng)
    add_crossings(lanes, coming, going, rng)
    return lanes


def as_lane_map(lanes: list[Lane]) -> tuple[LaneMap, dict[int, list[int]]]:
    """Cut the lanes into pieces of ten points.

    Returns:
        tuple: The pieces, and which follow which, by their ids.
    """
    points, turns, crossings, lights = [], [], [], []
    firsts, lasts = [], []
    for lane in lanes:
        count = max(1, round(lane.along[-1] / PIECE))
        whole = resample(lane.line, 9 * count + 1)
        firsts.append(len(points))
        points += [whole[9 * i:9 * i + 10] for i in range(count)]
        lasts.append(len(points) - 1)
        turns += [lane.turn] * count
        crossings += [lane.crossing] * count
        lights += [lane.light] * count
    after = {i: [i + 1] for i in range(len(points))}
    for number, lane in enumerate(lanes):
        after[lasts[number]] = [firsts[one] for one in lane.after]
    ids = 1000 + np.arange(len(points))
    points = np.array(points)
    half = LANE_WIDTH / 2
    boxes = np.concatenate([points.min(1) - half, points.max(1) + half], 1)
    links = {1000 + i: [1000 + j for j in some] for i, some in after.items()}
    return LaneMap(ids, points, boxes, np.array(turns), np.array(crossings),
                   np.array(lights)), links


def drivable(lanes: list[Lane]) -> tuple[np.ndarray, np.ndarray]:
    """Where cars may drive: a raster of one metre, and its corner."""
    line = np.concatenate([lane.line for lane in lanes])
    corner = np.floor(line.min(0)) - 20
    width, height = (np.ceil(line.max(0) - corner) + 20).astype(int)
    raster = np.zeros((height, width), np.uint8)
    reach = np.arange(-3, 4)
    dx, dy = (part.ravel() for part in np.meshgrid(reach, reach))
    near = dx**2 + dy**2 <= 10
    columns, rows = np.round(line - corner).astype(int).T
    raster[(rows[:, None] + dy[near]).ravel(),
           (columns[:, None] + dx[near]).ravel()] = 1
    return raster, corner
