"""Reads the scenes of Argoverse 1: one CSV file each."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .scene import (
    Scene,
    in_short,
    place,
    require_columns,
    require_finite,
    require_whole_target,
)

COLUMNS = dict(
    TIMESTAMP=pa.float64(),
    TRACK_ID=pa.dictionary(pa.int32(), pa.string()),
    OBJECT_TYPE=pa.dictionary(pa.int32(), pa.string()),
    X=pa.float64(),
    Y=pa.float64(),
    CITY_NAME=pa.dictionary(pa.int32(), pa.string()))
# City -> its number in the names of map files.
CITIES = dict(PIT=10314, MIA=10316)
NUM_OBSERVED, NUM_FUTURE = 20, 30
TARGET = 'AGENT'


def read_table(path: Path) -> pa.Table:
    """Read a CSV file of a scene.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is not a table with the six columns.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there is no scene {path}')
    try:
        table = csv.read_csv(
            path,
            csv.ReadOptions(use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=COLUMNS, null_values=[]))
    except pa.ArrowInvalid as error:
        raise DataError(f'{path} is no complete table, get it again: '
                        f'{in_short(error)}') from error
    require_columns(table.column_names, tuple(COLUMNS), path)
    return table.combine_chunks()


def _coded(table: pa.Table, name: str) -> tuple[np.ndarray, list[str]]:
    """A column of words as codes (N, ) and the words."""
    column = table.column(name).combine_chunks()
    return column.indices.to_numpy(), column.dictionary.to_pylist()


def _city(table: pa.Table, path: Path) -> str:
    """The one city of a scene."""
    _, cities = _coded(table, 'CITY_NAME')
    if len(cities) != 1 or cities[0] not in CITIES:
        raise DataError(f'{path} is of {", ".join(map(repr, cities)) or None}'
                        f'; a scene has one city, {" or ".join(CITIES)}')
    return cities[0]


def _target(kinds: list[str], track_ids: tuple[str, ...], path: Path) -> int:
    """The one track to be forecast."""
    targets = [row for row, kind in enumerate(kinds) if kind == TARGET]
    if len(targets) != 1:
        named = ': ' + ', '.join(track_ids[row] for row in targets)
        raise DataError(
            f'{path} has {len(targets)} tracks of the type {TARGET}'
            f'{named if targets else ""}; a scene has exactly one, which is '
            'to be forecast')
    return targets[0]


def _steps(stamps: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps (T, ) in order, and the step (N, ) of each line.

    By rank: real stamps lie 0.02 to 0.5 s apart.
    """
    times, steps = np.unique(stamps, return_inverse=True)
    wanted = (NUM_OBSERVED + NUM_FUTURE, NUM_OBSERVED)
    if len(times) not in wanted:
        raise DataError(
            f'{path} has {len(times)} time stamps; a scene has {wanted[0]}, '
            f'one of the test split the first {wanted[1]}')
    return times, steps


def read_argoverse1(path: str | Path) -> Scene:
    """Read one scene of Argoverse 1 Motion Forecasting v1.1.

    The order of the lines does not matter.

    Args:
        path: The CSV file; its name is the id of the scene.

    Returns:
        Scene: 50 steps, or 20 of the test split.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged, has another number of time stamps, two
            positions of a track at once, not exactly one AGENT, an AGENT
            that is missing at some step, or an unknown city.
    """
    path = Path(path)
    table = read_table(path)
    xy = np.stack([table.column(name).to_numpy() for name in 'XY'], 1)
    stamps = table.column('TIMESTAMP').to_numpy()
    require_finite(np.column_stack([xy, stamps]), path)
    city = _city(table, path)
    times, steps = _steps(stamps, path)
    codes, names = _coded(table, 'TRACK_ID')
    order = np.argsort(names, kind='stable')
    track_ids = tuple(names[i] for i in order)
    rows = np.argsort(order)[codes]
    kind_codes, kind_names = _coded(table, 'OBJECT_TYPE')
    kinds = np.empty(len(names), object)
    kinds[rows] = np.array(kind_names, object)[kind_codes]
    shape = len(names), len(times)
    seen = place(rows, steps, shape, track_ids, path)
    positions = np.zeros((*shape, 2))
    positions[rows, steps] = xy
    scene = Scene(
        path.stem, city, positions, seen, times - times[0], track_ids,
        tuple(kinds), _target(list(kinds), track_ids, path), NUM_OBSERVED,
        NUM_FUTURE, np.ones(len(names), bool))
    return require_whole_target(scene, path)
