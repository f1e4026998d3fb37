"""Cars of the generated town: they follow lanes, turn, stop, cut in."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from .argoverse1_scene import NUM_FUTURE, NUM_OBSERVED, TARGET
from .scene import Scene
from .town_map import LANE_WIDTH, Lane

STEPS = NUM_OBSERVED + NUM_FUTURE
STEP = .1  # seconds
# Metres per second squared: to the side in a bend, forward, and braking.
SIDE, FORWARD, BRAKE = 2., 1.5, 1.3
GAP, HEADWAY = 7., 1.2  # metres and seconds behind a car
ROUTE = 170.  # metres
# So many targets have a turn of that angle within so many metres: most of
# Argoverse's are chosen because something happens.
TURNING, TURN, SOON = .3, .7, 45
# Errors of a tracker last: each step keeps nine tenths of the one before.
_APART = np.subtract.outer(np.arange(STEPS), np.arange(STEPS))
DRIFT = np.where(_APART >= 0, .9**np.abs(_APART), 0.)


class Route(NamedTuple):
    """A way through the town.

    Attributes:
        line: (N, 2), a metre apart.
        limits: (N, ) metres per second that bends allow.
        stop: Metres to the first light on the way; inf without one.
    """

    line: np.ndarray
    limits: np.ndarray
    stop: float


def walk(lanes: list[Lane], first: int, length: float, rng: Generator
         ) -> tuple[np.ndarray, np.ndarray, float]:
    """Lanes from ``first`` on, one after the other.

    Returns:
        tuple: Their line (N, 2), metres along it (N, ), and where a light
        stands. It is longer than ``length``, unless the town ends.
    """
    lines, along, stop, far, lane = [], [], np.inf, 0., lanes[first]
    while True:
        if lane.light and not np.isfinite(stop):
            stop = far
        begin = 1 if lines else 0
        lines.append(lane.line[begin:])
        along.append(far + lane.along[begin:])
        far += lane.along[-1]
        if far > length or not lane.after:
            return np.concatenate(lines), np.concatenate(along), stop
        lane = lanes[lane.after[rng.integers(len(lane.after))]]


def plan(lanes: list[Lane], first: int, start: float, rng: Generator
         ) -> Route | None:
    """A route that begins ``start`` metres along a lane.

    Returns:
        Route: None if the town ends before the route does.
    """
    line, along, stop = walk(lanes, first, start + ROUTE, rng)
    if along[-1] - start < ROUTE:
        return None
    wanted = start + np.arange(ROUTE)
    even = np.stack([np.interp(wanted, along, line[:, i]) for i in range(2)],
                    1)
    heading = np.unwrap(np.arctan2(*np.gradient(even, axis=0).T[::-1]))
    bending = np.abs(np.gradient(heading))
    # Over a few metres: no driver follows every wiggle.
    bending = np.convolve(bending, np.full(5, .2), 'same')
    limits = np.sqrt(SIDE / np.maximum(bending, 1e-3))
    stop -= start
    return Route(even, limits, stop if stop > 2 else np.inf)


def speed_profile(limits: np.ndarray, wish: float, stop: float
                  ) -> np.ndarray:
    """What a driver allows himself (N, ) at each metre, brakes in time."""
    allowed = np.minimum(limits, wish)
    if stop < len(allowed):
        allowed[int(stop):] = 0.
    # In squares braking is linear: v(i)^2 <= v(j)^2 + 2 b (j - i), j > i.
    fall = 2 * BRAKE * np.arange(len(allowed))
    squares = np.minimum.accumulate((allowed**2 + fall)[::-1])[::-1] - fall
    return np.sqrt(np.maximum(squares, 0.))


def drive(route: Route, rng: Generator, speed: float | None = None,
          leader: np.ndarray | None = None) -> np.ndarray:
    """How far a car is at each step.

    Args:
        route: Its way.
        rng: The source of chance.
        speed: At the first step; None draws it.
        leader: (T, ) how far the car in front is, on the same way.

    Returns:
        np.ndarray: (T, ) metres.
    """
    wish = rng.uniform(5., 11.)
    red = np.isfinite(route.stop) and rng.random() < .35
    green_at = rng.uniform(0, 1.5) * STEPS if red else 0
    free = speed_profile(route.limits, wish, np.inf)
    held = speed_profile(route.limits, wish, route.stop) if red else free
    now = free[0] * rng.uniform(.8, 1.) if speed is None else speed
    faster = FORWARD * rng.uniform(.6, 1.2) * STEP
    slower = 2 * BRAKE * STEP
    # Plain numbers: numpy is slow one by one.
    free, held, now = free.tolist(), held.tolist(), float(now)
    far, places, last = 0., [], len(free) - 2.
    for step in range(STEPS):
        places.append(far)
        goal = (held if step < green_at else free)[round(far)]
        if leader is not None:
            goal = min(goal, max(0., (leader[step] - far - GAP) / HEADWAY))
        now = max(0., now + min(max(goal - now, -slower), faster))
        far = min(far + now * STEP, last)
    return np.array(places)


def trajectory(route: Route, places: np.ndarray, times: np.ndarray,
               rng: Generator, cuts_in: bool = False) -> np.ndarray:
    """Where a tracker sees a car (T, 2), with its noise.

    Args:
        route: The car's way.
        places: (T, ) how far it is, every tenth of a second.
        times: (T, ) seconds at which it is seen.
        rng: The source of chance.
        cuts_in: Whether it comes over from the lane beside.
    """
    far = np.interp(times, np.arange(STEPS) * STEP, places)
    metres = np.arange(len(route.line))
    spots = np.stack([np.interp(far, metres, route.line[:, i])
                      for i in range(2)], 1)
    ahead = np.stack([np.interp(far + .5, metres, route.line[:, i])
                      for i in range(2)], 1) - spots
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-6)
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    offset = np.full(STEPS, rng.normal(0, .25))
    if cuts_in:
        done = np.clip((times - rng.uniform(-1, 3)) / rng.uniform(2.5, 4),
                       0, 1)
        share = 1 - done**2 * (3 - 2 * done)
        # Only a car that moves comes over.
        share = np.minimum(share, 1 - (1 - share) * np.clip(
            far / max(far[-1], 8.), 0, 1))
        offset = offset + rng.choice([-1, 1]) * LANE_WIDTH * share
    drift = DRIFT @ rng.normal(0, .03, (STEPS, 2))
    return (spots + offset[:, None] * aside + drift
            + rng.normal(0, .03, (STEPS, 2)))


def sights(rng: Generator) -> np.ndarray:
    """When another car is tracked (T, ): it comes, goes, and is lost."""
    seen = np.ones(STEPS, bool)
    if rng.random() < .4:
        seen[:rng.integers(1, 40)] = False
    if rng.random() < .3:
        seen[rng.integers(10, STEPS):] = False
    if rng.random() < .15:
        hole = rng.integers(1, STEPS - 4)
        seen[hole:hole + rng.integers(1, 4)] = False
    return seen


def turns_soon(route: Route) -> bool:
    """Whether a way has a turn in its first metres."""
    before, after = (route.line[i + 1] - route.line[i] for i in (0, SOON))
    cosine = before @ after / (
        np.linalg.norm(before) * np.linalg.norm(after))
    return cosine < np.cos(TURN)


def choose_target(lanes: list[Lane], rng: Generator) -> Route:
    """The target's way."""
    streets = [i for i, lane in enumerate(lanes) if not lane.crossing]
    turning = rng.random() < TURNING
    while True:
        first = streets[rng.integers(len(streets))]
        start = rng.uniform(0, len(lanes[first].line) - 5)
        route = plan(lanes, first, start, rng)
        if route is not None and (not turning or turns_soon(route)):
            return route


def make_scene(lanes: list[Lane], scene_id: str, city: str, rng: Generator
               ) -> Scene:
    """Simulate one scene: the target, the recording car, and others.

    Args:
        lanes: Of :func:`.town_map.build_town`.
        scene_id: Name of the scene.
        city: Name of the city whose files it pretends to be of.
        rng: The source of chance.
    """
    times = np.arange(STEPS) * STEP + rng.uniform(-.015, .015, STEPS)
    times -= times[0]
    route = choose_target(lanes, rng)
    cars = []
    leader = None
    if rng.random() < .35:
        ahead = rng.uniform(12, 35)
        shorter = route._replace(
            line=route.line[int(ahead):], limits=route.limits[int(ahead):],
            stop=route.stop - ahead if route.stop > ahead else np.inf)
        places = drive(shorter, rng)
        leader = int(ahead) + places
        cars.append((shorter, places, False))
    target = drive(route, rng, leader=leader)
    here = route.line[int(target[NUM_OBSERVED])]
    streets = [i for i, lane in enumerate(lanes) if not lane.crossing
               and np.abs(lane.line[::12] - here).max(1).min() < 60]
    for _ in range(rng.integers(5, 14)):
        first = streets[rng.integers(len(streets))]
        start = rng.uniform(0, len(lanes[first].line) - 5)
        other = plan(lanes, first, start, rng)
        if other is not None:
            cars.append((other, drive(other, rng), rng.random() < .15))
    if not cars:
        cars.append((route, np.maximum(target - 12, 0), False))
    tracks = [trajectory(route, target, times, rng, rng.random() < .1)]
    tracks += [trajectory(way, places, times, rng, cuts)
               for way, places, cuts in cars]
    whole = np.ones(STEPS, bool)
    seen = np.array([whole, whole, *(sights(rng) for _ in cars[1:])])
    positions = np.where(seen[..., None], np.array(tracks), 0)
    names = [f'{number:08d}' for number in rng.permutation(len(tracks))]
    order = np.argsort(names)
    kinds = [TARGET, 'AV', *['OTHERS'] * (len(tracks) - 2)]
    shown = [i for i in order if seen[i].any()]
    return Scene(
        scene_id, city, positions[shown], seen[shown], times,
        tuple(names[i] for i in shown), tuple(kinds[i] for i in shown),
        shown.index(0), NUM_OBSERVED, NUM_FUTURE,
        np.ones(len(shown), bool))
