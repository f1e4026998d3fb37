"""Scenes and maps that several test modules share."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import lm4ve_motion  # noqa: F401  (registers everything)
import numpy as np
import pyarrow as pa
import pytest
from lm4ve_motion.datasets.argoverse1_files import (
    write_argoverse1,
    write_argoverse1_map,
    write_drivable_area,
)
from lm4ve_motion.datasets.lane_map import LaneMap
from lm4ve_motion.datasets.scene import Scene
from pyarrow import parquet

ROOT = Path(__file__).parents[3]


def make_scene(tracks, city='MIA', target='AGENT', steps=50, scene_id='7'):
    """A scene out of names -> (kind, positions (T, 2), seen (T, ))."""
    names = sorted(tracks)
    positions = np.array([tracks[n][1] for n in names], float)
    seen = np.array([tracks[n][2] for n in names], bool)
    return Scene(
        scene_id, city, np.where(seen[..., None], positions, 0), seen,
        np.arange(steps) / 10, tuple(names),
        tuple(tracks[n][0] for n in names),
        names.index(target), 20, 30, np.ones(len(names), bool))


def scene_s():
    """The scene of check 15: four cars, one of them with a gap."""
    t = np.arange(50.)
    every = np.ones(50, bool)
    return make_scene(dict(
        AGENT=('AGENT', np.stack([100 + .5 * t + .01 * t**2, 200 + .3 * t],
                                 1), every),
        AV=('AV', np.stack([90 + .6 * t, 205 - .1 * t], 1), every),
        O1=('OTHERS', np.stack([110 - .4 * t, 195 + .2 * t], 1), t >= 5),
        O2=('OTHERS', np.stack([105 + 0 * t, 190 + .5 * t], 1),
            (t != 10) & (t != 11)),
        O3=('OTHERS', np.stack([100 + t, 180 + 0 * t], 1), t < 15)))


def lane_map(lines, turns=None):
    """Straight lanes with ids 11, 12, ... from (start, end) pairs."""
    points = np.array([np.linspace(a, b, 10) for a, b in lines], float)
    count = len(points)
    low, high = points.min(1) - 1.9, points.max(1) + 1.9
    return LaneMap(
        11 + np.arange(count), points, np.concatenate([low, high], 1),
        np.arange(count) % 3 if turns is None else np.array(turns),
        np.arange(count) % 2 == 1, np.arange(count) % 2 == 0)


def some_lanes():
    """Three lanes around scene S."""
    return lane_map([((90, 195), (120, 210)), ((110, 190), (112, 230)),
                     ((130, 220), (100, 200))])


def moved(scene, shift, angle=0., scene_id=None):
    """The same scene elsewhere in the city."""
    turn = np.array([[np.cos(angle), -np.sin(angle)],
                     [np.sin(angle), np.cos(angle)]])
    positions = scene.positions @ turn.T + shift
    return scene._replace(
        positions=np.where(scene.seen[..., None], positions, 0),
        scene_id=scene_id or scene.scene_id)


def write_root(root, train=4, val=2, test=2, city='MIA'):
    """A small Argoverse 1 folder with maps: scene S, moved a little."""
    number = 1
    for folder, count in (('train', train), ('val', val), ('test_obs', test)):
        at = root / folder / 'data'
        at.mkdir(parents=True)
        for _ in range(count):
            scene = moved(scene_s()._replace(city=city),
                          (number % 3, number % 2), .1 * (number % 3))
            if folder == 'test_obs':
                scene = scene.past()
            write_argoverse1(at / f'{number}.csv', scene, 315971499.025)
            number += 1
    maps = root / 'map_files'
    write_argoverse1_map(maps, city, some_lanes(), {11: [12]})
    write_drivable_area(maps, city, np.ones((300, 300)), (0, 0))
    return root


def write_scenario(folder, scene, categories=None, drop=(), centrelines=True):
    """A scenario of Argoverse 2 with its map: a parquet file and a JSON."""
    folder.mkdir(parents=True)
    rows, steps = np.nonzero(scene.seen)
    names = np.array(scene.track_ids)
    categories = np.array(categories or [2] * len(names))
    x, y = scene.positions[rows, steps].T
    table = dict(
        observed=steps < 50, track_id=names[rows],
        object_type=np.array(['vehicle'] * len(rows)),
        object_category=categories[rows], timestep=steps.astype(np.int64),
        position_x=x, position_y=y,
        heading=scene.headings[rows, steps],
        scenario_id=np.array([folder.name] * len(rows)),
        focal_track_id=np.array([names[scene.target]] * len(rows)),
        city=np.array(['austin'] * len(rows)))
    parquet.write_table(
        pa.table({k: v for k, v in table.items() if k not in drop}),
        folder / f'scenario_{folder.name}.parquet')

    def points(line, shift=0.):
        return [dict(x=px, y=py + shift, z=0.) for px, py in line.tolist()]

    lanes = {}
    for row, line in enumerate(some_lanes().points):
        lane = dict(id=21 + row, is_intersection=row == 1,
                    left_lane_boundary=points(line, 2.),
                    right_lane_boundary=points(line, -2.))
        if centrelines:
            lane['centerline'] = points(line)
        lanes[str(21 + row)] = lane
    (folder / f'log_map_archive_{folder.name}.json').write_text(
        json.dumps(dict(lane_segments=lanes)))
    return folder


def scene_2(steps=110):
    """Two cars and a fragment, as Argoverse 2 has them."""
    t = np.arange(float(steps))
    positions = np.stack([
        np.stack([100 + .4 * t, 200 + .3 * t], 1),
        np.stack([105 + .4 * t, 200 + .3 * t], 1),
        np.stack([110 - .1 * t, 190 + 0 * t], 1)])
    seen = np.ones((3, steps), bool)
    seen[2, 60:] = False
    headings = np.full((3, steps), np.arctan2(.3, .4))
    return Scene(
        'a', 'austin', np.where(seen[..., None], positions, 0), seen, t / 10,
        ('1', '2', 'AV'), ('vehicle', ) * 3, 0, 50, 60,
        np.array([True, True, False]), headings)


@pytest.fixture(scope='session')
def cases():
    """The makers of this file, since test modules cannot import it."""
    return SimpleNamespace(
        make_scene=make_scene, scene_s=scene_s, scene_2=scene_2, moved=moved,
        lane_map=lane_map, some_lanes=some_lanes, write_root=write_root,
        write_scenario=write_scenario, write_argoverse1=write_argoverse1)


@pytest.fixture(scope='session')
def argoverse1(tmp_path_factory):
    """A small Argoverse 1 folder; not to be written into."""
    return write_root(tmp_path_factory.mktemp('argoverse1'))


@pytest.fixture(scope='session')
def argoverse2(tmp_path_factory):
    """A small Argoverse 2 folder; not to be written into."""
    root = tmp_path_factory.mktemp('argoverse2')
    for split, count in (('train', 4), ('val', 2), ('test', 2)):
        for number in range(count):
            scene = scene_2(50 if split == 'test' else 110)
            write_scenario(root / split / f'{split}{number}',
                           scene, categories=[3, 2, 0])
    return root


@pytest.fixture(scope='session')
def shared_data():
    """Real sample data, which is not ours to give."""
    at = Path(os.environ.get('LM4VE_SHARED_DATA', ROOT.parent / 'shared/data'))
    if not (at / 'argoverse1').is_dir():
        pytest.skip(f'there is no real sample data in {at}; '
                    'LM4VE_SHARED_DATA names another folder')
    return at
