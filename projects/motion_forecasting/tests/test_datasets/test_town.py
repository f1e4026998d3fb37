"""The generated town: its files, its streets, its traffic."""

import numpy as np
import pytest
from lm4ve_motion.datasets import (
    DataError,
    Town,
    read_argoverse1,
    read_argoverse1_map,
)
from lm4ve_motion.datasets.argoverse1_map import DrivableArea
from lm4ve_motion.datasets.lane_map import LEFT, RIGHT
from lm4ve_motion.datasets.town_map import build_town, turn_of
from lm4ve_motion.datasets.town_traffic import BRAKE, make_scene, speed_profile

SETTINGS = dict(featuriser=dict(type='lm4ve_mm.VectorNetFeatures'), train=6,
                val=3, test=2)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('generated') / 'town'
    Town('train', data_root=str(root), **SETTINGS)
    return root


def test_files_are_those_of_argoverse1(root):
    paths = sorted((root / 'train/data').glob('*.csv'))
    assert len(paths) == 6
    assert len(list((root / 'val/data').glob('*.csv'))) == 3
    scenes = [read_argoverse1(path) for path in paths]
    for scene in scenes:
        assert scene.num_future == 30
        assert scene.kinds.count('AV') == 1 and scene.kinds.count(
            'AGENT') == 1
        assert scene.seen[scene.kinds.index('AV')].all()
    assert np.mean([len(scene.track_ids) for scene in scenes]) > 4
    lanes = read_argoverse1_map(str(root / 'map_files'), 'PIT')
    assert {LEFT, RIGHT} < set(lanes.turns.tolist())
    assert lanes.controls.any() and not lanes.controls.all()
    assert not lanes.turns[~lanes.intersections].any()


def test_cars_follow_lanes_that_may_be_driven(root):
    lanes = read_argoverse1_map(str(root / 'map_files'), 'PIT')
    area = DrivableArea(root / 'map_files', 'PIT')
    points = lanes.points.reshape(-1, 2)
    apart = []
    for path in (root / 'train/data').glob('*.csv'):
        scene = read_argoverse1(path)
        track = scene.positions[scene.target]
        apart.append(np.linalg.norm(
            track[:, None] - points, axis=-1).min(1).max())
        assert area.contains(track).mean() > .9
    assert np.median(apart) < 3


def test_same_settings_same_files(root, tmp_path):
    Town('train', data_root=str(tmp_path / 'b'), **SETTINGS)
    files = [path.relative_to(root) for path in root.rglob('*.*')]
    assert len(files) > 12
    for name in files:
        assert (root / name).read_bytes() == (
            tmp_path / 'b' / name).read_bytes(), name
    Town('train', data_root=str(tmp_path / 'c'), seed=1, **SETTINGS)
    name = next((root / 'train/data').glob('*.csv')).relative_to(root)
    assert (root / name).read_bytes() != (tmp_path / 'c' / name).read_bytes()


def test_other_settings_are_refused(root):
    with pytest.raises(DataError, match="'train': 6.*wanted.*'train': 7"):
        Town('train', data_root=str(root), **dict(SETTINGS, train=7))
    with pytest.raises(ValueError, match='train=0, val=3 and test=2'):
        Town('train', data_root=str(root), **dict(SETTINGS, train=0))
    with pytest.raises(ValueError, match="val, test, not 'all'"):
        Town('all', data_root=str(root), **SETTINGS)


def test_test_scenes_are_others_and_have_futures(root):
    """Unlike a benchmark's: what is reported is not what was chosen on."""
    data = {split: Town(split, data_root=str(root), test_mode=False,
                        **SETTINGS) for split in ('val', 'test')}
    assert len(data['test']) == 2
    ids = [one.get_data_info(0)['scene_id'] for one in data.values()]
    assert ids == ['1000001', '2000001']
    first, other = (one.get_data_info(0) for one in data.values())
    assert other['gt_mask'][0].all()
    assert not np.allclose(first['origin'], other['origin'])


def test_turns():
    east, north = np.array([1., 0]), np.array([0., 1])
    assert turn_of(east, north) == LEFT
    assert turn_of(north, east) == RIGHT
    assert turn_of(east, np.array([.95, .3])) == 0


def test_streets_are_joined_where_they_meet():
    town = build_town(0)
    for lane in town:
        for after in lane.after:
            assert np.allclose(lane.line[-1], town[after].line[0], atol=1e-6)
        assert np.diff(lane.along).min() > 0


def test_brakes_in_time():
    """Down to a stop, never harder than the driver wants."""
    allowed = speed_profile(np.full(100, 30.), 12., 60.)
    assert allowed[0] == 12 and not allowed[60:].any()
    fall = allowed[:60]**2 - allowed[1:61]**2
    assert fall.max() <= 2 * BRAKE + 1e-9
    assert allowed[40] == pytest.approx(np.sqrt(2 * BRAKE * 20))


def test_traffic_is_mixed():
    """Some turn, some stop, and no car leaves the ground."""
    town = build_town(0)
    moved, turned = [], []
    for number in range(60):
        scene = make_scene(town, '1', 'PIT', np.random.default_rng(number))
        track = scene.positions[scene.target]
        speeds = np.linalg.norm(np.diff(track, axis=0), axis=1)
        assert speeds.max() < 2.5
        moved.append(np.linalg.norm(track[-1] - track[19]))
        first, last = track[10] - track[0], track[-1] - track[-11]
        size = np.linalg.norm(first) * np.linalg.norm(last)
        turned.append(size > 4 and first @ last / size < .8)
    moved = np.array(moved)
    assert (moved < 5).any() and (moved > 25).any()
    assert .1 < np.mean(turned) < .7
