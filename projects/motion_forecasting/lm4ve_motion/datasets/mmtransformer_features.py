"""The arrays of mmTransformer, as its repository makes them."""

import numpy as np

from lm4ve_mm.registry import TRANSFORMS

from .features import Arrays, Featuriser
from .frames import to_local
from .lane_map import LaneMap
from .scene import Scene

# Steps from the end with which the search for a heading begins, and the
# metres that they have to cover.
WINDOW, LONG_ENOUGH = 6, 2.


def heading_of(points: np.ndarray) -> float:
    """Direction of travel along points (N, 2), by a straight line.

    The line is a least-squares fit over the axis of the larger extent; the
    ends of the track say which way it is driven. A target that does not
    move, or along the y axis alone, heads to +y or -y.
    """
    x, y = (points - points.mean(0)).T
    travel = points[-2:].mean(0) - points[:2].mean(0)
    if np.ptp(points[:, 0]) > np.ptp(points[:, 1]):
        line = np.array([1., x @ y / (x @ x)])
    else:
        spread = y @ y
        line = np.array([x @ y / spread if spread else 0., 1.])
    if line @ travel < 0:
        line = -line
    return np.arctan2(line[1], line[0])


def window_start(points: np.ndarray) -> int:
    """The step from which on a track (T, 2) tells its heading."""
    overall = points[-1] - points[0]
    start = len(points) - 1 - WINDOW
    while start > 0:
        recent = points[-1] - points[start]
        if np.linalg.norm(recent) >= LONG_ENOUGH and recent @ overall >= 0:
            break
        start -= 1
    return start


@TRANSFORMS.register_module()
class MMTransformerFeatures(Featuriser):
    """Actors (A, T-1, 4) and lanes (L, 9, 7) in a frame that heads to +y.

    An actor's row is dx, dy, the mean of the two time stamps, and whether
    both were seen. What lies before its first sight repeats that; a track
    with a hole is left out, as upstream does. A lane's row is the start and
    the end of a piece, intersection (1, 2), turn (1 none, 2 left, 3 right)
    and traffic control (1, 2). The facts are those of
    decisionforce/mmTransformer.

    Args:
        reach: Metres from the target within which an actor has to be.
        lane_query: Half side in metres of the square in which lanes are
            looked for.
        min_frames: Steps at which an actor has to be seen.
    """

    def __init__(self,
                 reach: float = 56.,
                 lane_query: float = 65.,
                 min_frames: int = 4) -> None:
        super().__init__(
            reach=reach, lane_query=lane_query, min_frames=min_frames)
        self.reach = reach
        self.lane_query = lane_query
        self.min_frames = min_frames

    def theta(self, past: Scene) -> float:
        """The target's heading points to +y; Argoverse 2 has headings."""
        if past.headings is not None:
            return np.pi / 2 - past.headings[past.target, -1]
        points = past.positions[past.target]
        return np.pi / 2 - heading_of(points[window_start(points):])

    def choose(self, past: Scene, origin: np.ndarray,
               theta: float) -> np.ndarray:
        """Tracks without a hole that are seen last within reach."""
        seen = past.seen
        frames = seen.sum(1)
        length = seen.shape[1] - seen.argmax(1)
        apart = np.linalg.norm(past.positions[:, -1] - origin, axis=1)
        return np.flatnonzero(
            seen[:, -1] & (frames == length) & (frames >= self.min_frames)
            & (apart <= self.reach))

    def actors(self, past: Scene, rows: np.ndarray, origin: np.ndarray,
               theta: float) -> Arrays:
        """Four numbers for each step but the first."""
        seen = past.seen[rows]
        first = seen.argmax(1)[:, None]
        at = np.maximum(np.arange(seen.shape[1]), first)  # (A, T)
        positions = np.take_along_axis(
            past.positions[rows], at[..., None], axis=1)
        local = to_local(positions, origin, theta)
        times = (past.times[1:] + past.times[:-1]) / 2
        both = seen[:, 1:] & seen[:, :-1]
        actors = np.concatenate([
            np.diff(local, axis=1),
            np.broadcast_to(times, both.shape)[..., None], both[..., None]
        ], -1)
        return dict(actors=actors, ctrs=local[:, -1])

    def lanes(self, lanes: LaneMap, origin: np.ndarray,
              theta: float) -> np.ndarray:
        """Seven numbers for each piece of the lanes nearby."""
        chosen = lanes.pick(lanes.near(origin, self.lane_query))
        points = to_local(chosen.points, origin, theta)  # (L, 10, 2)
        attributes = 1 + np.stack(
            [chosen.intersections, chosen.turns, chosen.controls], 1)
        spread = np.broadcast_to(
            attributes[:, None], (len(points), points.shape[1] - 1, 3))
        return np.concatenate([points[:, :-1], points[:, 1:], spread], -1)
