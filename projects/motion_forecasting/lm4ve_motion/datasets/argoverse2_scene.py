"""Reads the scenarios of Argoverse 2: one folder with a parquet file each."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .scene import (
    STEPS_PER_SECOND,
    Scene,
    in_short,
    place,
    require_columns,
    require_finite,
    require_whole_target,
)

# map_id and slice_id are in some releases only, and not needed.
COLUMNS = ('track_id', 'object_type', 'object_category', 'timestep',
           'position_x', 'position_y', 'heading', 'scenario_id',
           'focal_track_id', 'city')
NUM_OBSERVED, NUM_FUTURE = 50, 60
FRAGMENT = 0  # category of tracks that are too short to be learnt from


def scenario_file(folder: str | Path) -> Path:
    """The parquet file in a scenario's folder.

    Raises:
        DataNotFoundError: If there is none.
        DataError: If there are several.
    """
    found = sorted(Path(folder).glob('scenario_*.parquet'))
    if not found:
        raise DataNotFoundError(
            f'there is no scenario_<id>.parquet in {folder}: a scenario of '
            'Argoverse 2 is a folder with this file and a map')
    if len(found) > 1:
        raise DataError(f'{folder} holds {len(found)} scenarios, not one')
    return found[0]


def _read_columns(path: Path) -> dict[str, np.ndarray]:
    """The needed columns of a scenario."""
    try:
        with parquet.ParquetFile(path) as file:
            require_columns(file.schema_arrow.names, COLUMNS, path)
            table = file.read(columns=list(COLUMNS), use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f'{path} is damaged or incomplete, get it again: '
                        f'{in_short(error)}') from error
    return {name: table.column(name).to_numpy() for name in COLUMNS}


def _only(column: np.ndarray, name: str, path: Path) -> str:
    """The one value of a column that has one."""
    values = set(column.tolist())
    if len(values) != 1:
        raise DataError(f'{path}: {name} has {len(values)} values, not one')
    return str(values.pop())


def _check_steps(steps: np.ndarray, path: Path) -> int:
    """How many steps a scenario has."""
    found = np.unique(steps)
    for count in (NUM_OBSERVED + NUM_FUTURE, NUM_OBSERVED):
        if np.array_equal(found, np.arange(count)):
            return count
    raise DataError(
        f'{path} has {len(found)} time steps, {found.min()} to {found.max()}; '
        f'a scenario has 0 to {NUM_OBSERVED + NUM_FUTURE - 1}, one of the '
        f'test split 0 to {NUM_OBSERVED - 1}')


def read_argoverse2(folder: str | Path) -> Scene:
    """Read one scenario of Argoverse 2 Motion Forecasting.

    Args:
        folder: The scenario's folder, or the parquet file in it.

    Returns:
        Scene: 110 steps, or 50 of the test split. The focal track is the
        target; the futures of fragments are not scored.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged, or is no scenario.
    """
    path = Path(folder)
    if path.suffix != '.parquet':
        path = scenario_file(path)
    elif not path.is_file():
        raise DataNotFoundError(f'there is no scenario {path}')
    table = _read_columns(path)
    values = np.stack([table[name].astype(float) for name in (
        'position_x', 'position_y', 'heading')], 1)
    require_finite(values, path)
    num_steps = _check_steps(table['timestep'], path)
    names, firsts, rows = np.unique(
        table['track_id'].astype(str), return_index=True, return_inverse=True)
    focal = _only(table['focal_track_id'], 'focal_track_id', path)
    if focal not in names:
        raise DataError(f'{path} has no line of its focal track {focal}')
    shape, steps = (len(names), num_steps), table['timestep']
    seen = place(rows, steps, shape, names, path)
    placed = np.zeros((*shape, 3))
    placed[rows, steps] = values
    scene = Scene(
        _only(table['scenario_id'], 'scenario_id', path),
        _only(table['city'], 'city', path), placed[..., :2], seen,
        np.arange(num_steps) / STEPS_PER_SECOND, tuple(names.tolist()),
        tuple(table['object_type'][firsts].tolist()),
        names.tolist().index(focal), NUM_OBSERVED, NUM_FUTURE,
        table['object_category'][firsts] != FRAGMENT, placed[..., 2])
    return require_whole_target(scene, path)
