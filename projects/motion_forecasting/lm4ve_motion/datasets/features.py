"""What the featurisers of both models share.

A featuriser turns a scene and its lanes into arrays:

=============  ==================  ========================================
``actors``     (A, T-1, C) f32     steps of the road users, target first
``ctrs``       (A, 2) f32          where each is last seen, scene frame
``lanes``      (L, 9, 7) f32       pieces of the centrelines, scene frame
``origin``     (2, ) f64           the scene's frame, see :mod:`.frames`
``theta``      () f64              the same
``gt_trajs``   (A, F, 2) f64       futures, city frame; 0 where unknown
``gt_mask``    (A, F) bool         whether each step of them is known
``tracks``     (A, ) int32         rows of the scene
``city``       str                 of the scene
``track_id``   str                 of the target
=============  ==================  ========================================
"""

from abc import ABCMeta, abstractmethod

import numpy as np

from .lane_map import LaneMap, no_lanes
from .scene import Scene

Arrays = dict[str, np.ndarray | str]
# Raise it whenever the same settings give other arrays than before.
VERSION = 1
# Arrays that have one row for each road user, and for each lane.
PER_ACTOR = ('actors', 'ctrs', 'gt_trajs', 'gt_mask', 'tracks')
PER_LANE = ('lanes', )
WORDS = ('city', 'track_id')


def target_first(scene: Scene, rows: np.ndarray) -> np.ndarray:
    """The target, then the others of ``rows`` by their names."""
    others = rows[rows != scene.target]
    return np.concatenate([[scene.target], others])


def futures(scene: Scene, rows: np.ndarray) -> Arrays:
    """Futures (A, F, 2) and which of their steps (A, F) are known."""
    trajs = np.zeros((len(rows), scene.horizon, 2))
    mask = np.zeros((len(rows), scene.horizon), bool)
    if scene.num_future:
        start = scene.num_observed
        mask[:] = scene.seen[rows, start:] & scene.scored[rows, None]
        trajs[:] = np.where(mask[..., None], scene.positions[rows, start:], 0)
    return dict(gt_trajs=trajs, gt_mask=mask)


class Featuriser(metaclass=ABCMeta):
    """Turns scenes into the arrays that a model takes.

    Args:
        **settings: What the arrays depend on, beside the scene.
    """

    def __init__(self, **settings) -> None:
        self.settings = dict(
            type=type(self).__name__, version=VERSION, **settings)

    def __call__(self, scene: Scene, lanes: LaneMap | None = None) -> Arrays:
        """Make the arrays of one scene.

        Args:
            scene: With or without a future.
            lanes: The map; None makes a scene without lanes.

        Returns:
            dict: See the head of this module.
        """
        lanes = no_lanes() if lanes is None else lanes
        past = scene.past()
        origin = past.positions[scene.target, -1]
        theta = self.theta(past)
        rows = target_first(scene, self.choose(past, origin, theta))
        made = self.actors(past, rows, origin, theta)
        made['lanes'] = self.lanes(lanes, origin, theta)
        floats = {key: value.astype(np.float32)
                  for key, value in made.items()}
        return dict(
            **floats, **futures(scene, rows), tracks=rows.astype(np.int32),
            origin=origin.copy(), theta=np.array(theta, np.float64),
            city=scene.city, track_id=scene.track_ids[scene.target])

    @abstractmethod
    def theta(self, past: Scene) -> float:
        """The angle by which the scene is turned."""

    @abstractmethod
    def choose(self, past: Scene, origin: np.ndarray,
               theta: float) -> np.ndarray:
        """Rows of the tracks that are kept, ascending."""

    @abstractmethod
    def actors(self, past: Scene, rows: np.ndarray, origin: np.ndarray,
               theta: float) -> Arrays:
        """``actors`` and ``ctrs`` of these tracks."""

    @abstractmethod
    def lanes(self, lanes: LaneMap, origin: np.ndarray,
              theta: float) -> np.ndarray:
        """``lanes`` (L, 9, 7)."""
