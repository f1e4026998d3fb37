"""The arrays of VectorNet, as its re-implementation makes them."""

import numpy as np

from lm4ve_mm.registry import TRANSFORMS

from .features import Arrays, Featuriser
from .frames import rotation, to_local
from .lane_map import LaneMap
from .scene import Scene


def last_run(seen: np.ndarray) -> np.ndarray:
    """The last gap-free run of each track (A, T) that reaches the end."""
    return np.logical_and.accumulate(seen[:, ::-1], axis=1)[:, ::-1]


@TRANSFORMS.register_module()
class VectorNetFeatures(Featuriser):
    """Actors (A, T-1, 6) and lanes (L, 9, 7) in a frame that heads to +x.

    An actor's row is x, y, dx, dy, whether it was seen, and the time in
    seconds; zeros where it was not. Of each track only the last gap-free run
    counts. A lane's row is the end of a piece (x, y), its extent (dx, dy),
    turn (0 none, 1 left, 2 right), intersection and traffic control (0, 1).
    The facts are those of ziqipang/StreamingForecasting.

    Args:
        reach: Metres from the target within which an actor has to be, along
            the turned axes, and every point of a lane, along those of the
            city.
        lane_query: Half side in metres of the square in which lanes are
            looked for.
        zero_first_delta: Whether dx and dy are 0 where a track begins.
            False is the reference's habit: there they are x and y.
        heading_steps: Over how many of its last steps the target's heading
            is taken. With the reference's one step the noise of the tracker
            turns the whole scene, at random where the target stands.

    Raises:
        ValueError: If ``heading_steps`` is not at least 1.
    """

    def __init__(self,
                 reach: float = 100.,
                 lane_query: float = 200.,
                 zero_first_delta: bool = False,
                 heading_steps: int = 1) -> None:
        super().__init__(
            reach=reach, lane_query=lane_query,
            zero_first_delta=zero_first_delta, heading_steps=heading_steps)
        if heading_steps < 1:
            raise ValueError(f'heading_steps={heading_steps}: a heading needs '
                             'at least 1 step')
        self.heading_steps = heading_steps
        self.reach = reach
        self.lane_query = lane_query
        self.zero_first_delta = zero_first_delta

    def theta(self, past: Scene) -> float:
        """The target's last steps point to +x; Argoverse 2 has headings."""
        if past.headings is not None:
            return -past.headings[past.target, -1]
        track = past.positions[past.target]
        run = int(last_run(past.seen[past.target][None]).sum())
        steps = max(1, min(self.heading_steps, run - 1))
        back = track[-1 - steps] - track[-1]
        return np.pi - np.arctan2(back[1], back[0])

    def choose(self, past: Scene, origin: np.ndarray,
               theta: float) -> np.ndarray:
        """Tracks that are seen last within reach."""
        local = to_local(past.positions[:, -1], origin, theta)
        return np.flatnonzero(
            past.seen[:, -1] & (np.abs(local) <= self.reach).all(1))

    def actors(self, past: Scene, rows: np.ndarray, origin: np.ndarray,
               theta: float) -> Arrays:
        """Six numbers for each step but the first."""
        run = last_run(past.seen[rows])  # (A, T)
        local = to_local(past.positions[rows], origin, theta)
        local = np.where(run[..., None], local, 0)
        steps = np.diff(local, axis=1)
        valid = run[:, 1:]
        known = valid & run[:, :-1] if self.zero_first_delta else valid
        actors = np.concatenate([
            local[:, 1:], np.where(known[..., None], steps, 0),
            valid[..., None], (valid * past.times[1:])[..., None]
        ], -1)
        return dict(actors=actors, ctrs=local[:, -1])

    def lanes(self, lanes: LaneMap, origin: np.ndarray,
              theta: float) -> np.ndarray:
        """Seven numbers for each piece of the lanes within reach."""
        near = lanes.near(origin, self.lane_query)
        offsets = lanes.points[near] - origin  # (L, 10, 2)
        inside = (np.abs(offsets) <= self.reach).all((1, 2))
        chosen = lanes.pick(near[inside])
        points = offsets[inside] @ rotation(theta).T
        attributes = np.stack(
            [chosen.turns, chosen.intersections, chosen.controls], 1)
        pieces = np.diff(points, axis=1)
        spread = np.broadcast_to(
            attributes[:, None], (*pieces.shape[:2], 3))
        return np.concatenate([points[:, 1:], pieces, spread], -1)
