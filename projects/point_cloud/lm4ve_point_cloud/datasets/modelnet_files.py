"""The files of ModelNet40: text, our cache, upstream's cache."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from lm4ve_mm.ops import fps_numpy
from lm4ve_mm.utils.build_once import build_once
from lm4ve_mm.utils.unpickling import read_pickle

from .errors import DataError, DataNotFoundError
from .files import with_progress, write_h5
from .precision import as_float32

SPLITS = dict(train=9843, test=2468)
CLASSES = (
    'airplane', 'bathtub', 'bed', 'bench', 'bookshelf', 'bottle', 'bowl',
    'car', 'chair', 'cone', 'cup', 'curtain', 'desk', 'door', 'dresser',
    'flower_pot', 'glass_box', 'guitar', 'keyboard', 'lamp', 'laptop',
    'mantel', 'monitor', 'night_stand', 'person', 'piano', 'plant', 'radio',
    'range_hood', 'sink', 'sofa', 'stairs', 'stool', 'table', 'tent',
    'toilet', 'tv_stand', 'vase', 'wardrobe', 'xbox')
HOW_TO_GET = ('Get modelnet40_normal_resampled.zip (ModelNet40 with normals, '
              'resampled, of the PointNet++ authors) and unpack it')
HOW_TO_BUILD = (
    'Build it from the text files with: python projects/point_cloud/tools/'
    'build_modelnet_cache.py {root}')
WITHOUT_PICKLE = (
    'Set allow_pickle=True (in the tool: --allow-pickle) to read the arrays '
    'in it and nothing else, or build a cache from the text files with '
    'projects/point_cloud/tools/build_modelnet_cache.py')


def cache_of(root: str | Path, split: str, num_points: int) -> Path:
    """Name our cache of a split."""
    return Path(root, f'modelnet40_{split}_{num_points}pts.h5')


def class_of(identity: str) -> str:
    """Cut the class out of an id: ``night_stand_0001`` -> ``night_stand``."""
    return identity.rsplit('_', 1)[0]


def read_ids(root: Path, split: str) -> list[str]:
    """Read the ids of a split, and check them and the class names.

    Raises:
        DataNotFoundError: If a list is missing.
        DataError: If it names other classes.
    """
    lists = []
    for name in ('modelnet40_shape_names.txt', f'modelnet40_{split}.txt'):
        if not (root / name).is_file():
            raise DataNotFoundError(
                f'there is no file {root / name}. {HOW_TO_GET}')
        lists.append((root / name).read_text().split())
    names, ids = lists
    if tuple(names) != CLASSES:
        raise DataError(
            f'{root}/modelnet40_shape_names.txt has {len(names)} names that '
            f'are not the 40 of ModelNet40 in their order: {names[:3]}, ...')
    unknown = [one for one in ids if class_of(one) not in CLASSES]
    if unknown:
        raise DataError(f'{root}/modelnet40_{split}.txt has ids of no class: '
                        f'{unknown[:3]}')
    return ids


def text_of(root: Path, identity: str) -> Path:
    """Name the text file of an object."""
    return root / class_of(identity) / f'{identity}.txt'


def read_text(path: Path) -> np.ndarray:
    """Read one object: (10000, 6) float32, coordinates and normals.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is not a table of six columns of numbers.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there is no file {path}. {HOW_TO_GET}')
    try:
        rows = np.loadtxt(path, delimiter=',', ndmin=2)
    except ValueError as error:
        raise DataError(f'{path} is no table of numbers: {error}') from error
    if rows.shape[1] != 6 or not np.isfinite(rows).all():
        raise DataError(f'{path} is {rows.shape}, not (N, 6) finite numbers: '
                        'get it again')
    as_float32(rows[:, :3], str(path))
    return rows.astype(np.float32)


def sample_object(identity: str, root: Path, num_points: int) -> np.ndarray:
    """Read an object and keep ``num_points`` (P, 3) of it, evenly."""
    path = text_of(root, identity)
    points = read_text(path)[:, :3]
    try:
        # The rule near the origin is the kernel's; upstream's cache was
        # sampled without it.
        kept = fps_numpy(points, num_points, skip_near_origin=False)
    except ValueError as error:
        raise DataError(f'{path}: {error}') from error
    return points[kept]


def build_cache(root: str | Path,
                split: str,
                num_points: int = 8192,
                workers: int = 1) -> Path:
    """Sample the text files of a split into our cache, if it is not there.

    Sampling is farthest point sampling from the first point of a file, so
    that every build gives the same cache. It takes about 0.1 s an object.

    Args:
        root (str): The folder ``modelnet40_normal_resampled``.
        split (str): ``'train'`` or ``'test'``.
        num_points (int): Points kept of each object's 10000.
        workers (int): Processes.

    Returns:
        Path: The cache: ``data`` (N, P, 3) float32, ``label`` (N, ) int64,
        ``name`` (N, ), as HDF5.
    """
    root = Path(root)
    ids = read_ids(root, split)
    missing = [one for one in ids if not text_of(root, one).is_file()]
    if missing:
        raise DataNotFoundError(
            f'{len(missing)} of {len(ids)} files of {root} are missing, the '
            f'first is {text_of(root, missing[0])}. {HOW_TO_GET}')

    def build(part: Path) -> None:
        sample = partial(sample_object, root=root, num_points=num_points)
        with h5py.File(part, 'w') as file, \
                ProcessPoolExecutor(workers) as pool:
            file['label'] = np.array(
                [CLASSES.index(class_of(one)) for one in ids], np.int64)
            file['name'] = ids
            rows = file.create_dataset(
                'data', (len(ids), num_points, 3), np.float32)
            sampled = pool.map(sample, ids, chunksize=8)
            for row, points in enumerate(
                    with_progress(sampled, len(ids), f'ModelNet40 {split}')):
                rows[row] = points

    cache = cache_of(root, split, num_points)
    build_once(cache, build)
    return cache


def read_upstream_cache(path: Path, allow_pickle: bool
                        ) -> tuple[np.ndarray, np.ndarray]:
    """Read ``modelnet40_{train,test}_8192pts_fps.dat``.

    Returns:
        tuple: Points (N, 8192, 3) float32 and labels (N, ) int64.

    Raises:
        DataError: If it is not the list of clouds and the list of labels
            that it should be.
    """
    found = read_pickle(path, allow_pickle, WITHOUT_PICKLE)
    try:
        clouds, labels = found
        points = np.stack([cloud[:, :3] for cloud in clouds])
        labels = np.array([int(np.ravel(one)[0]) for one in labels], np.int64)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise DataError(
            f'{path} is not a list of clouds (P, 6) and a list of labels '
            f'(1,): {error}') from error
    if points.ndim != 3 or points.shape[2] != 3 or len(points) != len(labels):
        raise DataError(f'{path} has clouds {points.shape} and {len(labels)} '
                        'labels, not as many clouds (P, 6) as labels')
    return as_float32(points, str(path)), labels


def convert_upstream_cache(path: Path, split: str, allow_pickle: bool) -> Path:
    """Write the content of upstream's cache as ours, beside it."""
    points, labels = read_upstream_cache(path, allow_pickle)
    cache = cache_of(path.parent, split, points.shape[1])
    if cache.exists():
        raise DataError(f'{cache} is there already: remove it to replace it')

    build_once(cache, partial(write_h5, data=points, label=labels))
    return cache
