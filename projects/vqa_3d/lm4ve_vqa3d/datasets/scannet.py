"""From ScanNet's files of one scan to the prepared layout."""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lm4ve_mm.utils.errors import DataError, DataNotFoundError
from lm4ve_mm.utils.files import replacing
from lm4ve_mm.utils.ply import read_ply

from .answers import read_json
from .classes import OBJECTS
from .scene import aligned, check_points, read_alignment

MAX_POINTS = 50_000
# What is written of a scene, the last one last: it says that all is there.
FILES = ('vert', 'sem_label', 'ins_label', 'bbox', 'aligned_bbox',
         'aligned_vert')
LABELS = 'scannetv2-labels.combined.tsv'


class Prepared(NamedTuple):
    """The arrays of a scene, see :mod:`.scene`."""

    vert: np.ndarray
    sem_label: np.ndarray
    ins_label: np.ndarray
    bbox: np.ndarray
    aligned_bbox: np.ndarray
    aligned_vert: np.ndarray


@cache
def read_label_map(path: Path) -> Mapping[str, int]:
    """Names of ScanNet's annotators -> labels of NYU40.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it lacks a column.
    """
    if not path.is_file():
        raise DataNotFoundError(
            f'there is no {path}: it comes with ScanNet and maps the names '
            'of things to labels')
    with path.open(newline='', encoding='utf-8') as file:
        try:
            return {row['raw_category']: int(row['nyu40id'])
                    for row in csv.DictReader(file, delimiter='\t')}
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f'{path} should have the columns raw_category '
                            f'and nyu40id: {error!r}') from error


def read_vertices(path: Path) -> np.ndarray:
    """Points with colours and normals, (N, 9) float32, of a PLY file.

    Normals that the file does not have are zero; nothing here reads them.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged, has no colours, or points that are not
            finite.
    """
    if not path.is_file():
        raise DataNotFoundError(f'there is no file {path}')
    held = read_ply(path)
    if held.colours is None:
        raise DataError(
            f'{path} has no colours: the model sees the colour of each '
            'point. Save the mesh with red, green and blue for each vertex')
    normals = held.normals
    if normals is None:
        normals = np.zeros_like(held.points)
    found = np.concatenate(
        [held.points, held.colours[:, :3], normals], 1).astype(np.float32)
    check_points(found, path)
    return found


def label_vertices(scan: Path, scene_id: str, count: int,
                   label_map: Mapping[str, int]
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Labels of NYU40 and instances from 1 for each vertex; 0 is neither.

    Args:
        scan: Folder of the scan.
        scene_id: Its name.
        count: Vertices.
        label_map: Of :func:`read_label_map`; other names get label 0.

    Raises:
        DataError: If segments and vertices do not fit.
    """
    segments_in = scan / f'{scene_id}_vh_clean_2.0.010000.segs.json'
    groups_in = find_groups(scan, scene_id)
    segments = np.asarray(member(segments_in, 'segIndices'), np.int64)
    if segments.shape != (count, ):
        raise DataError(f'{segments_in} is about {segments.size} vertices, '
                        f'the mesh has {count}')
    labels = np.zeros(count, np.uint32)
    instances = np.zeros(count, np.uint32)
    for number, group in enumerate(member(groups_in, 'segGroups'), 1):
        try:
            inside = np.isin(segments, group['segments'])
            labels[inside] = label_map.get(group['label'], 0)
        except KeyError as error:
            raise DataError(f'{groups_in}: group {number} has no {error}'
                            ) from error
        instances[inside] = number
    return labels, instances


def find_groups(scan: Path, scene_id: str) -> Path:
    """The file of instances, under either of ScanNet's names."""
    short = scan / f'{scene_id}.aggregation.json'
    return short if short.is_file() else (
        scan / f'{scene_id}_vh_clean.aggregation.json')


def member(path: Path, key: str) -> list:
    """A list out of a JSON file.

    Raises:
        DataError: If it is not there.
    """
    held = read_json(path)
    if not isinstance(held, dict) or not isinstance(held.get(key), list):
        raise DataError(f'{path} has no list {key!r}')
    return held[key]


def boxes_of(points: np.ndarray, labels: np.ndarray,
             instances: np.ndarray) -> np.ndarray:
    """Boxes (K, 8) around instances: centre, size, label, instance.

    Walls, floors, ceilings and what has no label get none.
    """
    rows = []
    for instance in np.unique(instances[instances > 0]):
        inside = instances == instance
        label = labels[inside][0]
        if label in OBJECTS:
            low, high = points[inside].min(0), points[inside].max(0)
            rows.append([*(low + high) / 2, *high - low, label, instance])
    return np.array(rows, np.float64).reshape(-1, 8)


def prepare(scan: Path, label_map: Mapping[str, int],
            seed: int = 0) -> Prepared:
    """Read one scan.

    Args:
        scan: Folder of the scan, which has its name.
        label_map: Of :func:`read_label_map`.
        seed: Of which 50,000 vertices are kept, where there are more. It is
            mixed with the scene's name, so that the order of scenes does not
            matter. The reference sets none.

    Raises:
        DataNotFoundError: If a file is missing.
        DataError: If a file is damaged, or they do not fit.
    """
    name = scan.name
    raw = read_vertices(scan / f'{name}_vh_clean_2.ply')
    labels, instances = label_vertices(scan, name, len(raw), label_map)
    matrix = read_alignment(scan / f'{name}.txt')
    turned = raw.copy()
    turned[:, :3] = aligned(raw[:, :3], matrix)
    boxes, aligned_boxes = (
        boxes_of(points[:, :3], labels, instances) for points in (raw, turned))
    if len(raw) > MAX_POINTS:
        rng = np.random.default_rng([seed, *name.encode()])
        kept = rng.choice(len(raw), MAX_POINTS, replace=False)
        raw, turned, labels, instances = (
            array[kept] for array in (raw, turned, labels, instances))
    return Prepared(raw, labels, instances, boxes, aligned_boxes, turned)


def is_prepared(folder: Path, scene_id: str) -> bool:
    """Whether all files of a scene are there."""
    return all((folder / f'{scene_id}_{what}.npy').is_file()
               for what in FILES)


def write_prepared(folder: Path, scene_id: str, held: Prepared) -> None:
    """Write a scene, each file whole or not at all."""
    for what in FILES:
        with replacing(folder / f'{scene_id}_{what}.npy') as temporary:
            with open(temporary, 'wb') as file:
                np.save(file, getattr(held, what))
