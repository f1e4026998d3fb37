"""Reading a cloud of the user's own."""

from pathlib import Path

import h5py
import numpy as np

from lm4ve_mm.utils.ply import read_ply

from .errors import DataError, DataNotFoundError
from .files import open_array
from .precision import is_coarse
from .table import read_table


def read_npy(path: Path) -> np.ndarray:
    """Read an array, and never a pickle."""
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f'{path} cannot be read as an array: {error}'
                        ) from error


def read_points(path: Path) -> np.ndarray:
    """Read the points of a PLY file."""
    return read_ply(path).points


def read_data(path: Path) -> np.ndarray:
    """Read ``data`` of an HDF5 file."""
    try:
        with h5py.File(path, 'r') as file:
            return open_array(file, 'data', path)[()]
    except OSError as error:
        raise DataError(f'{path} cannot be read as HDF5: {error}') from error


READERS = {
    '.npy': read_npy,
    '.ply': read_points,
    '.txt': read_table,
    '.xyz': read_table,
    '.csv': read_table,
    '.h5': read_data,
    '.hdf5': read_data,
}


def read_cloud(path: str | Path, index: int | None = None) -> np.ndarray:
    """Read one cloud, with all of its digits.

    Centre it before it becomes float32: coordinates far from the origin,
    such as UTM's, would lose their shape. :class:`NormalizeCloud` does so.

    Args:
        path (str): ``.npy`` or ``.h5`` (key ``data``) with an array (N, C) or
            (M, N, C), a table ``.txt``, ``.xyz`` or ``.csv``, or ``.ply``.
            The first three columns, or x, y and z, are the coordinates.
        index (int, optional): Which cloud of a file that holds M.

    Returns:
        np.ndarray: (N, 3) float64.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it cannot be read, or holds no cloud of finite
            coordinates, or several and no ``index`` says which; or if its
            numbers are too coarse where it lies.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f'there is no file {path}')
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f'{path}: clouds are read from {" ".join(READERS)}, '
                        f'not {path.suffix or "a file without a suffix"}')
    points = reader(path)
    if points.ndim == 3:
        points = pick(points, index, path)
    elif index is not None:
        raise DataError(f'{path} holds one cloud: leave out index={index}')
    if (points.ndim != 2 or points.shape[1] < 3 or not len(points)
            or points.dtype.kind not in 'fiu'):
        raise DataError(f'{path} holds {points.shape} {points.dtype}, not '
                        'points (N, 3) or more columns')
    stored, points = points.dtype, points[:, :3].astype(np.float64)
    bad = ~np.isfinite(points).all(1)
    if bad.any():
        raise DataError(f'{path}: {bad.sum()} of {len(points)} points have '
                        'coordinates that are not finite: remove them first')
    if is_coarse(points, stored):
        raise DataError(
            f'{path} stores coordinates of up to {abs(points).max():.6g} as '
            f'{stored}, which has rounded away their shape: centre the cloud '
            'before it is written, or write float64')
    return points


def pick(clouds: np.ndarray, index: int | None, path: Path) -> np.ndarray:
    """Take one of several clouds (M, N, C)."""
    if index is None and len(clouds) == 1:
        return clouds[0]
    if index is None or not 0 <= index < len(clouds):
        raise DataError(f'{path} holds {len(clouds)} clouds: say which with '
                        f'an index within 0..{len(clouds) - 1}, not {index}')
    return clouds[index]
