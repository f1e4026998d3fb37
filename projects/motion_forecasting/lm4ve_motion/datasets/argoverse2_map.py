"""Reads the map that lies beside a scenario of Argoverse 2."""

import json
from pathlib import Path

import numpy as np

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .lane_map import NONE, LaneMap, no_lanes, resample

# Half of what Argoverse 1 takes for the width of a lane.
HALF_WIDTH = 1.9


def map_of(folder: str | Path) -> Path:
    """The map of a scenario's folder.

    Raises:
        DataNotFoundError: If it is missing, or is that of another scenario.
    """
    folder = Path(folder)
    ids = [path.stem.removeprefix('scenario_')
           for path in folder.glob('scenario_*.parquet')]
    wanted = folder / f'log_map_archive_{(ids or [folder.name])[0]}.json'
    if not wanted.is_file():
        others = [path.name for path in folder.glob('log_map_archive_*.json')]
        raise DataNotFoundError(
            f'there is no map {wanted}; the folder has '
            f'{", ".join(others) or "none"}. Get it again, or do without '
            'lanes: with_map=False')
    return wanted


def _line(points: list[dict]) -> np.ndarray:
    """The x and y (N, 2) of a list of points."""
    return np.array([(point['x'], point['y']) for point in points], float)


def _centreline(lane: dict) -> np.ndarray:
    """(10, 2); the mean of the boundaries where a map has no centrelines."""
    if 'centerline' in lane:
        return resample(_line(lane['centerline']))
    sides = [resample(_line(lane[f'{side}_lane_boundary']))
             for side in ('left', 'right')]
    return (sides[0] + sides[1]) / 2


def _box(lane: dict, centre: np.ndarray) -> np.ndarray:
    """Where a lane lies (4, ): x_min, y_min, x_max, y_max."""
    sides = [_line(lane[key]) for key in (
        'left_lane_boundary', 'right_lane_boundary') if key in lane]
    if sides:
        outline = np.concatenate(sides)
        return np.concatenate([outline.min(0), outline.max(0)])
    return np.concatenate(
        [centre.min(0) - HALF_WIDTH, centre.max(0) + HALF_WIDTH])


def read_argoverse2_map(path: str | Path) -> LaneMap:
    """Read the lanes of a map.

    Argoverse 2 has neither turns nor traffic controls: all are none.

    Args:
        path: ``log_map_archive_<id>.json``.

    Returns:
        LaneMap: Each centreline has 10 points, at equal arc lengths.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f'there is no map {path}')
    try:
        lanes = json.loads(path.read_text())['lane_segments'].values()
        lanes = sorted(lanes, key=lambda lane: int(lane['id']))
        ids = np.array([int(lane['id']) for lane in lanes], np.int64)
        lines = [_centreline(lane) for lane in lanes]
        boxes = [_box(lane, line) for lane, line in zip(lanes, lines)]
        inside = np.array([bool(lane['is_intersection']) for lane in lanes])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError
            ) as error:
        raise DataError(f'{path} is damaged or no map of Argoverse 2, get it '
                        f'again: {error!r}') from error
    if not lanes:
        return no_lanes()
    return LaneMap(
        ids, np.array(lines), np.array(boxes), np.full(len(ids), NONE),
        inside, np.zeros(len(ids), bool))
