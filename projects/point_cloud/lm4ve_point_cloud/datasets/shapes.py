"""Generated solids as a small stand-in for ScanObjectNN."""

from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.build_once import build_once

from .base import choose
from .errors import DataError
from .files import with_progress, write_h5
from .scanobjectnn import ScanObjectNN
from .solids import SOLIDS

# Raise it whenever the same settings give other clouds than before.
GENERATOR = 1
STREAMS = dict(train=0, test=1)


def any_rotation(rng: Generator) -> np.ndarray:
    """Draw a rotation (3, 3), evenly: a random unit quaternion."""
    q = rng.normal(size=4)
    w, x, y, z = q / np.linalg.norm(q)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]
    ])


def upright_rotation(rng: Generator) -> np.ndarray:
    """Draw a rotation (3, 3) around the vertical axis, y."""
    angle = rng.uniform(0, 2 * np.pi)
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


ROTATIONS = dict(any=any_rotation, upright=upright_rotation)


def clutter(rng: Generator, count: int, floor: float) -> np.ndarray:
    """Draw what a scan has around an object: a floor and a stray lump.

    Args:
        rng (Generator): The random generator.
        count (int): How many points.
        floor (float): Height of the floor.

    Returns:
        np.ndarray: (count, 3).
    """
    on_floor = rng.random(count) < .7
    ground = rng.uniform(-1, 1, (count, 3)) * (1, .01, 1) + (0, floor, 0)
    angle = rng.uniform(0, 2 * np.pi)
    centre = (np.cos(angle), rng.uniform(-.6, .6), np.sin(angle))
    lump = centre + rng.normal(0, .1, (count, 3))
    return np.where(on_floor[:, None], ground, lump)


def scan(name: str, rng: Generator, num_points: int, rotation: str,
         noise: float, background: float) -> tuple[np.ndarray, np.ndarray]:
    """Generate one cloud.

    Args:
        name (str): One of :data:`~.solids.SOLIDS`.
        rng (Generator): The random generator.
        num_points (int): P.
        rotation (str): One of :data:`ROTATIONS`.
        noise (float): Standard deviation added to each coordinate of the
            solid, whose largest radius is 0.7 to 1.
        background (float): Largest share of clutter.

    Returns:
        tuple: Points (P, 3) float32 in random order, and the mask (P, ):
        -1 where a point is clutter, else 0.
    """
    share = int(num_points * rng.uniform(0, background))
    surface = SOLIDS[name](rng)(rng, num_points - share)
    surface = surface - (surface.max(0) + surface.min(0)) / 2
    surface = surface @ ROTATIONS[rotation](rng).T
    surface *= rng.uniform(.7, 1) / np.linalg.norm(surface, axis=1).max()
    surface += rng.normal(0, noise, surface.shape)
    points = np.concatenate([
        surface, clutter(rng, share, surface[:, 1].min())])
    mask = np.repeat((0, -1), (len(surface), share))
    order = rng.permutation(num_points)
    return points[order].astype(np.float32), mask[order]


def write_shapes(path: Path, split: str, settings: dict[str, Any]) -> None:
    """Generate a split; cloud i is of class i mod 15.

    Args:
        path (Path): The file, in ScanObjectNN's format.
        split (str): ``'train'`` or ``'test'``.
        settings (dict): ``count``, ``seed``, and those of :func:`scan`;
            kept in the file.
    """
    names = list(SOLIDS)
    count = settings['count']
    seeds = SeedSequence((settings['seed'], STREAMS[split])).spawn(count)
    scene = {key: value for key, value in settings.items()
             if key not in ('count', 'seed')}
    scans = [
        scan(names[i % len(names)], default_rng(seed), **scene)
        for i, seed in enumerate(
            with_progress(seeds, count, f'{split} shapes'))
    ]
    points, masks = zip(*scans)
    write_h5(path, np.stack(points), np.arange(count) % len(names),
             np.stack(masks), generator=GENERATOR, **settings)


@DATASETS.register_module()
class PointShapes(ScanObjectNN):
    """Fifteen solids, turned at random, with noise and clutter.

    The files are generated when they are first needed, in the format and
    under the names of ScanObjectNN's ``obj_bg``; the same settings give the
    same clouds on every machine. Several processes may start at once.

    Args:
        split (str): ``'train'`` or ``'test'``.
        data_root (str): Where to put the files.
        count (int): Clouds of this split; the classes take turns.
        num_points (int): Points of a cloud.
        rotation (str): ``'any'``, or ``'upright'``: around the vertical
            axis, y, as objects stand in rooms.
        noise (float): Standard deviation added to each coordinate; the
            solids have a radius of 0.7 to 1.
        background (float): The share of clutter is drawn from 0 to this.
        seed (int): Of all that is random. The splits differ in any case.
        **kwargs: Passed to :class:`PointCloudDataset`.

    Raises:
        ValueError: For settings that make no sense.
        DataError: If ``data_root`` holds clouds of other settings.
    """

    METAINFO = dict(classes=tuple(SOLIDS))

    def __init__(self,
                 split: str,
                 data_root: str = 'data/point_shapes',
                 count: int = 1500,
                 num_points: int = 2048,
                 rotation: str = 'any',
                 noise: float = 0.01,
                 background: float = 0.2,
                 seed: int = 0,
                 **kwargs) -> None:
        if count < 1 or num_points < 1:
            raise ValueError(f'count={count} and num_points={num_points} both '
                             'have to be at least 1')
        if noise < 0 or not 0 <= background < 1:
            raise ValueError(f'noise={noise} has to be at least 0, and '
                             f'background={background} within 0..1, without 1')
        choose('the rotations', rotation, ROTATIONS, type(self).__name__)
        self.settings = dict(
            count=count, num_points=num_points, rotation=rotation, noise=noise,
            background=background, seed=seed)
        super().__init__(
            split, variant='obj_bg', data_root=data_root, **kwargs)

    def load_arrays(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Read points (N, P, 3) and labels (N, ); generate them if needed."""
        build_once(self.file, partial(
            write_shapes, split=self.split, settings=self.settings))
        arrays = super().load_arrays()
        wanted = dict(self.settings, generator=GENERATOR)
        with h5py.File(self.file, 'r') as file:
            found = {key: np.array(file.attrs[key]).item() for key in wanted
                     if key in file.attrs}
        if found != wanted:
            raise DataError(
                f'{self.file} was generated with {found}, but wanted is '
                f'{wanted}: remove it, or give another data_root')
        return arrays
