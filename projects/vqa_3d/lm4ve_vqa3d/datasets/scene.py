"""Scenes of ScanNet in the prepared layout, and how they are kept.

Of each scene ``<folder>`` has ``<scene>_vert.npy`` (N, 9: x, y, z, red,
green, blue from 0 to 255, normal), ``<scene>_aligned_vert.npy`` (the same,
turned along the axes), ``<scene>_sem_label.npy`` (NYU40) and
``<scene>_ins_label.npy`` (from 1, 0 is nothing), ``<scene>_aligned_bbox.npy``
(K, 8: centre, size, NYU40, instance), and ``<scans>/<scene>/<scene>.txt``
with its alignment.
"""

import logging
import re
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.logging import print_log

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

_ALIGNMENT = re.compile(r'^\s*axisAlignment\s*=\s*(.*?)\s*$', re.MULTILINE)


class Scene(NamedTuple):
    """One room.

    Attributes:
        scene_id: Such as ``scene0000_00``.
        vertices: (N, 9) float32, along the axes: x, y, z, red, green, blue
            from 0 to 255, normal.
        instances: (N, ) int64, from 1; 0 is nothing.
        labels: (N, ) int64, NYU40.
        boxes: (K, 8) float64: centre, size, NYU40, instance.
        raw_centre: (3, ) of the box around the mesh before the alignment.
        alignment: (4, 4) float64.
        floor: Height from which heights are measured.
    """

    scene_id: str
    vertices: np.ndarray
    instances: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    raw_centre: np.ndarray
    alignment: np.ndarray
    floor: float


def read_alignment(path: Path) -> np.ndarray:
    """The matrix (4, 4) in a scene's text file; the identity if it has none.

    That is said: positions in such a scene would be wrong if its mesh was
    aligned after all.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If the matrix is no rigid motion.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there is no {path}, which holds the '
                                'alignment of the scene')
    found = _ALIGNMENT.search(path.read_text())
    if found is None:
        print_log(f'{path} has no line axisAlignment: the scene is taken as '
                  'it is (the identity)', logger='current',
                  level=logging.WARNING)
        return np.eye(4)
    try:
        matrix = np.array(found[1].split(), np.float64).reshape(4, 4)
    except ValueError as error:
        raise DataError(f'{path}: axisAlignment should be 16 numbers: '
                        f'{error}') from error
    turn = matrix[:3, :3]
    if (not np.isfinite(matrix).all()
            or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3)):
        raise DataError(f'{path}: axisAlignment is no rigid motion')
    return matrix


def aligned(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move points (N, 3) as a matrix (4, 4) says, in float64."""
    return points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]


def floor_of(heights: np.ndarray) -> float:
    """The height of the floor: all but 0.99 percent lies above."""
    return float(np.percentile(heights, .99))


def raw_centre_of(points: np.ndarray) -> np.ndarray:
    """Centre (3, ) of the box around points."""
    return (points.min(0) + points.max(0)) / 2


def check_points(vertices: np.ndarray, where: object) -> None:
    """Refuse points that are not finite, or none at all.

    Raises:
        DataError: In both cases.
    """
    if vertices.ndim != 2 or vertices.shape[1] < 6 or not len(vertices):
        raise DataError(f'{where} has the shape {vertices.shape}; expected '
                        'are points with x, y, z, red, green, blue and '
                        'normal, (N, 9)')
    bad = ~np.isfinite(vertices).all(1)
    if bad.any():
        raise DataError(f'{where} has {int(bad.sum())} of {len(bad)} points '
                        'that are not finite')


class SceneFolder:
    """Reads scenes, and keeps the last ones in memory, one copy a process.

    What it gives is read-only: the reference changes colours in the array
    that it keeps, so that from a scene's second visit on all are the same.

    Args:
        folder: Of the ``.npy`` files.
        scans: With a folder and a text file for each scene.
        keep: How many scenes stay in memory.
    """

    def __init__(self, folder: str | Path, scans: str | Path,
                 keep: int = 16) -> None:
        self.folder = Path(folder)
        self.scans = Path(scans)
        self.keep = keep
        self._kept: OrderedDict[str, Scene] = OrderedDict()

    def __getstate__(self) -> dict:
        """Leave the scenes behind."""
        return dict(self.__dict__, _kept=OrderedDict())

    def has(self, scene_id: str) -> bool:
        """Whether the scene was prepared."""
        return (self.folder / f'{scene_id}_aligned_vert.npy').is_file()

    def __getitem__(self, scene_id: str) -> Scene:
        """A scene, from memory if it is there."""
        if scene_id not in self._kept:
            self._kept[scene_id] = self.read(scene_id)
        self._kept.move_to_end(scene_id)
        while len(self._kept) > max(self.keep, 1):
            self._kept.popitem(last=False)
        return self._kept[scene_id]

    def array(self, scene_id: str, what: str) -> np.ndarray:
        """One of the scene's files.

        Raises:
            DataNotFoundError: If it is missing.
            DataError: If it is damaged.
        """
        path = self.folder / f'{scene_id}_{what}.npy'
        if not path.is_file():
            raise DataNotFoundError(
                f'there is no {path}: prepare the scene with '
                'projects/vqa_3d/tools/prepare_scannet.py')
        try:
            return np.load(path)
        except (ValueError, EOFError, OSError) as error:
            raise DataError(f'{path} cannot be read: {error}') from error

    def read(self, scene_id: str) -> Scene:
        """Read a scene.

        Raises:
            DataNotFoundError: If a file is missing.
            DataError: If a file is damaged, or they do not fit.
        """
        vertices = self.array(scene_id, 'aligned_vert').astype(np.float32)
        check_points(vertices, f'{scene_id}_aligned_vert.npy')
        instances = self.array(scene_id, 'ins_label').astype(np.int64)
        labels = self.array(scene_id, 'sem_label').astype(np.int64)
        if not len(vertices) == len(instances) == len(labels):
            raise DataError(
                f'{scene_id} has {len(vertices)} points, {len(instances)} '
                f'instances and {len(labels)} labels: its files are of two '
                'preparations')
        raw = self.array(scene_id, 'vert')[:, :3]
        boxes = self.array(scene_id, 'aligned_bbox').astype(np.float64)
        scene = Scene(
            scene_id, vertices, instances, labels, boxes.reshape(-1, 8),
            raw_centre_of(raw),
            read_alignment(self.scans / scene_id / f'{scene_id}.txt'),
            floor_of(vertices[:, 2]))
        for array in scene[1:5]:
            array.setflags(write=False)
        return scene
