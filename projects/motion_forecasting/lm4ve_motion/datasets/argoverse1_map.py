"""Reads the map files of Argoverse 1: lanes, lane table, drivable raster."""

import json
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .argoverse1_scene import CITIES
from .lane_map import LEFT, NONE, POINTS, RIGHT, LaneMap, edge_padded

TURNS = dict(NONE=NONE, LEFT=LEFT, RIGHT=RIGHT)
LANES = 'pruned_argoverse_{city}_{number}_vector_map.xml'
TABLE_IDS = '{city}_{number}_tableidx_to_laneid_map.json'
TABLE = '{city}_{number}_halluc_bbox_table.npy'
AREA = '{city}_{number}_driveable_area_mat_2019_05_28.npy'
AREA_FRAME = '{city}_{number}_npyimage_to_city_se2_2019_05_28.npy'
LANE_FILES, AREA_FILES = (LANES, TABLE_IDS, TABLE), (AREA, AREA_FRAME)


def map_file(root: str | Path, city: str, name: str) -> Path:
    """Where a map file of a city lies.

    Raises:
        DataNotFoundError: If it is not there; says which cities are.
    """
    path = Path(root, name.format(city=city, number=CITIES[city]))
    if not path.is_file():
        there = [one for one, number in CITIES.items() if Path(
            root, LANES.format(city=one, number=number)).is_file()]
        raise DataNotFoundError(
            f'there is no map file {path}; {root} has lanes of '
            f'{", ".join(there) or "no city"}. Get hd_maps.tar.gz of '
            'Argoverse 1 and give its folder map_files as map_root, or do '
            'without lanes: map_root=None')
    return path


def _attributes(way: ElementTree.Element, path: Path) -> tuple[int, int, int]:
    """Turn, intersection and traffic control of a lane."""
    tags = {tag.get('k'): tag.get('v') for tag in way.iter('tag')}
    try:
        flags = [dict(True_=1, False_=0)[f'{tags[key]}_'] for key in (
            'is_intersection', 'has_traffic_control')]
        return TURNS[tags['turn_direction']], *flags
    except KeyError as error:
        raise DataError(
            f'{path}: lane {way.get("lane_id")} has the tags {tags}; needed '
            'are turn_direction (NONE, LEFT, RIGHT), is_intersection and '
            'has_traffic_control (True, False)') from error


def _read_lanes(path: Path) -> tuple[dict, dict]:
    """Centrelines (N, 2) and attributes by lane id."""
    try:
        root = ElementTree.parse(path).getroot()
        nodes = {node.get('id'): (float(node.get('x')), float(node.get('y')))
                 for node in root.iter('node')}
        ways = [(int(way.get('lane_id')), way) for way in root.iter('way')]
        lines = {lane: np.array([nodes[nd.get('ref')]
                                 for nd in way.iter('nd')])
                 for lane, way in ways}
    except (ElementTree.ParseError, KeyError, TypeError, ValueError) as error:
        raise DataError(f'{path} is damaged, get it again: {error!r}'
                        ) from error
    for lane, line in lines.items():
        if not 2 <= len(line) <= POINTS:
            raise DataError(f'{path}: the centreline of lane {lane} has '
                            f'{len(line)} points, not 2 to {POINTS}')
    return lines, {lane: _attributes(way, path) for lane, way in ways}


def _read_table(root: str | Path, city: str) -> tuple[list[int], np.ndarray]:
    """Lane ids and boxes (N, 4) of the lane table, row by row."""
    paths = [map_file(root, city, name) for name in (TABLE_IDS, TABLE)]
    try:
        ids = json.loads(paths[0].read_text())
        boxes = np.load(paths[1], allow_pickle=False)
        ids = [int(ids[str(row)]) for row in range(len(ids))]
    except (ValueError, KeyError, EOFError) as error:
        raise DataError(f'{paths[0]} or {paths[1].name} is damaged, get it '
                        f'again: {error!r}') from error
    if boxes.shape != (len(ids), 4):
        raise DataError(f'{paths[1]} is {boxes.shape}, but {paths[0].name} '
                        f'names {len(ids)} lanes')
    return ids, boxes


@lru_cache(maxsize=4)
def read_argoverse1_map(root: str | Path, city: str) -> LaneMap:
    """Read the lanes of a city; kept for the next call.

    Lanes of the XML file that the table lacks are left out, since no query
    by the table finds them.

    Args:
        root: The folder ``map_files``.
        city: ``'PIT'`` or ``'MIA'``.

    Returns:
        LaneMap: Short centrelines have their last point repeated.

    Raises:
        DataNotFoundError: If a file is missing.
        DataError: If one is damaged, or the files are of different maps.
    """
    path = map_file(root, city, LANES)
    lines, attributes = _read_lanes(path)
    ids, boxes = _read_table(root, city)
    unknown = [lane for lane in ids if lane not in lines]
    if unknown:
        raise DataError(
            f'the lane table of {city} in {root} has {len(unknown)} of '
            f'{len(ids)} lanes that {path.name} lacks, the first is '
            f'{unknown[0]}: they are not of the same map')
    order = np.argsort(ids)
    ids = [ids[row] for row in order]
    turns, intersections, controls = np.array(
        [attributes[lane] for lane in ids]).reshape(-1, 3).T
    points = np.array([edge_padded(lines[lane]) for lane in ids])
    return LaneMap(
        np.array(ids, np.int64), points.reshape(-1, POINTS, 2), boxes[order],
        turns, intersections.astype(bool), controls.astype(bool))


class DrivableArea:
    """The raster of one city that says where cars may drive.

    Args:
        root: The folder ``map_files``.
        city: ``'PIT'`` or ``'MIA'``.

    Raises:
        DataNotFoundError: If a file is missing.
        DataError: If one cannot be read.
    """

    def __init__(self, root: str | Path, city: str) -> None:
        paths = [map_file(root, city, name) for name in AREA_FILES]
        try:
            self.raster, self.frame = (
                np.load(path, allow_pickle=False) for path in paths)
        except (ValueError, EOFError, OSError) as error:
            raise DataError(f'{paths[0]} or {paths[1].name} is damaged, get '
                            f'it again: {error}') from error

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether cars may drive there.

        Args:
            points: (..., 2), city coordinates.

        Returns:
            np.ndarray: (...) bool. Row and column 0 count as outside, as in
            Argoverse's own code.
        """
        city = np.round(points).astype(np.int64)
        places = city @ self.frame[:2, :2].T + self.frame[:2, 2]
        column, row = np.moveaxis(places.astype(np.int64), -1, 0)
        height, width = self.raster.shape[:2]
        valid = (column > 0) & (column < width) & (row > 0) & (row < height)
        values = self.raster[np.where(valid, row, 0),
                             np.where(valid, column, 0)]
        return valid & (values == 1)
