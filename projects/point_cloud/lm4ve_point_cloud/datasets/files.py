"""HDF5 files of clouds."""

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from mmengine.logging import print_log
from tqdm import tqdm

from .errors import DataError, DataNotFoundError
from .precision import as_float32


def open_array(file: h5py.File, key: str, path: Path) -> h5py.Dataset:
    """Find an array in an open file.

    Raises:
        DataError: If there is none of that name, or it is a group.
    """
    if key not in file:
        raise DataError(f'{path} lacks {key!r}: it has {sorted(file)}')
    if not isinstance(file[key], h5py.Dataset):
        raise DataError(f'{key!r} of {path} is a group of {sorted(file[key])}'
                        ', not an array')
    return file[key]


def read_h5(path: Path, remedy: str = '') -> tuple[np.ndarray, np.ndarray]:
    """Read ``data`` and ``label`` of a file in ScanObjectNN's format.

    Args:
        path (Path): The file.
        remedy (str): What to do if there is none, for the message.

    Returns:
        tuple: Points (N, P, 3) float32 and labels (N, ) int64.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged, lacks a key, or an array has another
            rank, type or length than it should, or float32 is too coarse.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there is no file {path}. {remedy}'.strip())
    try:
        with h5py.File(path, 'r') as file:
            lacking = [key for key in ('data', 'label') if key not in file]
            if lacking:
                raise DataError(
                    f'{path} lacks {lacking}: it has {sorted(file)}, but a '
                    "file of clouds has 'data' (N, P, 3) and 'label' (N,)")
            data, label = (open_array(file, key, path)[()]
                           for key in ('data', 'label'))
    except OSError as error:
        raise DataError(
            f'{path} cannot be read as HDF5: it is damaged or incomplete, get '
            f'it again ({error})') from error
    if data.ndim != 3 or data.shape[2] != 3 or data.dtype.kind != 'f':
        raise DataError(f"'data' of {path} is {data.shape} {data.dtype}, not "
                        '(N, P, 3) floating')
    if label.ndim != 1 or label.dtype.kind not in 'iu':
        raise DataError(f"'label' of {path} is {label.shape} {label.dtype}, "
                        'not (N,) integer')
    if len(data) != len(label):
        raise DataError(f'{path} has {len(data)} clouds, but {len(label)} '
                        'labels')
    return as_float32(data, str(path)), label.astype(np.int64)


def write_h5(path: Path,
             data: np.ndarray,
             label: np.ndarray,
             mask: np.ndarray | None = None,
             **attributes) -> None:
    """Write a file in ScanObjectNN's format.

    Args:
        path (Path): The file.
        data (np.ndarray): (N, P, 3).
        label (np.ndarray): (N, ).
        mask (np.ndarray, optional): (N, P), -1 for background.
        **attributes: Written as attributes of the file.
    """
    with h5py.File(path, 'w') as file:
        file.attrs.update(attributes)
        file['data'] = data.astype(np.float32)
        file['label'] = label.astype(np.int64)
        if mask is not None:
            file['mask'] = mask.astype(np.int64)


def with_progress(steps: Iterable, total: int, what: str) -> Iterable:
    """Go through ``steps``, with a log line and, on a terminal, a bar."""
    print_log(f'Building {what}: {total} clouds', logger='current')
    return tqdm(steps, total=total, desc=what, disable=None)
