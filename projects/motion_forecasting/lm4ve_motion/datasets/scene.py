"""One driving scene, as both benchmarks have it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lm4ve_mm.utils.errors import DataError

STEPS_PER_SECOND = 10
QUOTED = 150  # characters of another library's message


class Scene(NamedTuple):
    """The tracks of one scene, in city coordinates (metres).

    Attributes:
        scene_id: Name of the scene in its benchmark.
        city: Name of its city.
        positions: (A, T, 2) float64; zeros where a track is not seen.
        seen: (A, T) bool.
        times: (T, ) seconds since the first step.
        track_ids: A names, in ascending order.
        kinds: A kinds of road user, in the benchmark's words.
        target: Which track is to be forecast.
        num_observed: How many of the T steps are the past.
        horizon: Steps of a future, whether it is known or not.
        scored: (A, ) bool: whose future may be learnt from.
        headings: (A, T) radians, counter-clockwise from +x; None where the
            benchmark has none.
    """

    scene_id: str
    city: str
    positions: np.ndarray
    seen: np.ndarray
    times: np.ndarray
    track_ids: tuple[str, ...]
    kinds: tuple[str, ...]
    target: int
    num_observed: int
    horizon: int
    scored: np.ndarray
    headings: np.ndarray | None = None

    @property
    def num_future(self) -> int:
        """Steps that are known after the past; 0 in a test split."""
        return len(self.times) - self.num_observed

    def past(self) -> 'Scene':
        """The same scene without its future."""
        last = self.num_observed
        headings = self.headings
        return self._replace(
            positions=self.positions[:, :last], seen=self.seen[:, :last],
            times=self.times[:last],
            headings=None if headings is None else headings[:, :last])


def in_short(error: Exception) -> str:
    """An error of a reader in one line, even where it quotes a file."""
    text = ascii(str(error))[1:-1]
    return text if len(text) <= QUOTED else f'{text[:QUOTED]}...'


def require_columns(found: Sequence[str], wanted: Sequence[str],
                    path: object) -> None:
    """Raise a DataError where a table lacks a column."""
    lacking = [name for name in wanted if name not in found]
    if lacking:
        raise DataError(f'{path} lacks the columns {", ".join(lacking)}; it '
                        f'has {", ".join(found) or "none"}')


def place(rows: np.ndarray, steps: np.ndarray, shape: tuple[int, int],
          track_ids: Sequence[str], path: object) -> np.ndarray:
    """Where each line of a table belongs among (A, T).

    Args:
        rows: (N, ) track of each line.
        steps: (N, ) step of each line.
        shape: A and T.
        track_ids: Names of the tracks, for the message.
        path: What the message calls the table.

    Returns:
        np.ndarray: (A, T) bool, which places are filled.

    Raises:
        DataError: If two lines have the same track and time stamp.
    """
    counts = np.zeros(shape, np.int32)
    np.add.at(counts, (rows, steps), 1)
    if counts.max(initial=0) > 1:
        row, step = np.argwhere(counts > 1)[0]
        raise DataError(f'{path} has {counts[row, step]} lines of track '
                        f'{track_ids[row]} at step {step}: a track has one '
                        'position at a time')
    return counts > 0


def require_finite(values: np.ndarray, path: object) -> None:
    """Raise a DataError where a coordinate (N, ...) is not a number."""
    bad = ~np.isfinite(values.reshape(len(values), -1)).all(1)
    if bad.any():
        raise DataError(f'{path}: {bad.sum()} of {len(values)} lines have '
                        'coordinates that are not finite, the first is line '
                        f'{np.flatnonzero(bad)[0] + 1} of the data')


def require_whole_target(scene: Scene, path: object) -> Scene:
    """Raise a DataError where the target is not seen at every step."""
    unseen = np.flatnonzero(~scene.seen[scene.target])
    if len(unseen):
        raise DataError(
            f'{path}: the target, track {scene.track_ids[scene.target]}, is '
            f'missing at {len(unseen)} of {len(scene.times)} steps, the first '
            f'is {unseen[0]}: the file is incomplete, get it again')
    return scene
