"""Writes scenes and maps in the files of Argoverse 1.

For what is generated: Argoverse's own tools read them too.
"""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from .argoverse1_map import AREA, AREA_FRAME, LANES, TABLE, TABLE_IDS, TURNS
from .argoverse1_scene import CITIES, COLUMNS
from .lane_map import LaneMap
from .scene import Scene

TURN_NAMES = {value: name for name, value in TURNS.items()}


def write_argoverse1(path: Path, scene: Scene, start: float = 0.) -> None:
    """Write a scene, line by line in the order of time.

    Args:
        path: The CSV file.
        scene: What to write; its id is the name of the file.
        start: Time stamp of its first step.
    """
    lines = [','.join(COLUMNS)]
    for step, time in enumerate(scene.times):
        for row in np.flatnonzero(scene.seen[:, step]):
            x, y = scene.positions[row, step].tolist()
            lines.append(f'{start + float(time)!r},{scene.track_ids[row]},'
                         f'{scene.kinds[row]},{x!r},{y!r},{scene.city}')
    path.write_text('\n'.join(lines) + '\n')


def _tag(way: ElementTree.Element, key: str, value: object) -> None:
    """Add one attribute of a lane."""
    ElementTree.SubElement(way, 'tag', k=key, v=str(value))


def write_argoverse1_map(root: Path, city: str, lanes: LaneMap,
                         successors: dict[int, list[int]]) -> None:
    """Write the lanes of a city: lane file, table and its ids.

    Args:
        root: The folder ``map_files``.
        city: A city of Argoverse 1, which names the files.
        lanes: What to write.
        successors: Lane id -> ids of the lanes that follow.
    """
    root.mkdir(parents=True, exist_ok=True)
    number = CITIES[city]
    tree = ElementTree.Element('ArgoverseVectorMap')
    for index, (x, y) in enumerate(lanes.points.reshape(-1, 2)):
        ElementTree.SubElement(
            tree, 'node', id=str(index), x=f'{x:.4f}', y=f'{y:.4f}')
    before: dict[int, list[int]] = {}
    for lane, after in successors.items():
        for one in after:
            before.setdefault(one, []).append(lane)
    size = lanes.points.shape[1]
    for row, lane in enumerate(lanes.ids.tolist()):
        way = ElementTree.SubElement(tree, 'way', lane_id=str(lane))
        _tag(way, 'has_traffic_control', bool(lanes.controls[row]))
        _tag(way, 'turn_direction', TURN_NAMES[int(lanes.turns[row])])
        _tag(way, 'is_intersection', bool(lanes.intersections[row]))
        _tag(way, 'l_neighbor_id', None)
        _tag(way, 'r_neighbor_id', None)
        for point in range(row * size, (row + 1) * size):
            ElementTree.SubElement(way, 'nd', ref=str(point))
        for key, links in (('predecessor', before), ('successor',
                                                     successors)):
            for one in links.get(lane, ()):
                _tag(way, key, one)

    def at(name: str) -> Path:
        return root / name.format(city=city, number=number)

    ElementTree.ElementTree(tree).write(at(LANES), encoding='utf-8')
    at(TABLE_IDS).write_text(json.dumps(
        {str(row): lane for row, lane in enumerate(lanes.ids.tolist())}))
    np.save(at(TABLE), lanes.boxes)


def write_drivable_area(root: Path, city: str, raster: np.ndarray,
                        corner: np.ndarray) -> None:
    """Write where cars may drive.

    Args:
        root: The folder ``map_files``.
        city: A city of Argoverse 1.
        raster: (H, W) 0 or 1, one metre each; row is y, column x.
        corner: (2, ) city coordinates of its first place.
    """
    frame = np.eye(3)
    frame[:2, 2] = -np.asarray(corner)
    for name, array in ((AREA, raster.astype(np.uint8)),
                        (AREA_FRAME, frame)):
        np.save(root / name.format(city=city, number=CITIES[city]), array)
