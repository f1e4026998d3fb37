"""Data sets with and without a cache."""

import functools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from lm4ve_motion.datasets import (
    Argoverse1,
    Argoverse2,
    DataError,
    DataNotFoundError,
)
from lm4ve_motion.datasets import cache as cache_module
from lm4ve_motion.datasets.cache import build_cache, read_cached, shard_of

VECTORNET = dict(type='lm4ve_mm.VectorNetFeatures')
PACK = [dict(type='lm4ve_mm.PackScene')]


def dataset(root, split='train', featuriser=VECTORNET, **kwargs):
    kwargs.setdefault('map_root', str(root / 'map_files'))
    return Argoverse1(split, featuriser, data_root=str(root), pipeline=PACK,
                      **kwargs)


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        if isinstance(value, np.ndarray):
            assert value.dtype == other[key].dtype, key
            assert np.array_equal(value, other[key]), key
        else:
            assert value == other[key], key


def test_sample(argoverse1):
    data = dataset(argoverse1)
    assert len(data) == 4
    item = data[1]
    sample = item['data_samples']
    assert item['inputs'].keys() == {'actors', 'ctrs', 'lanes'}
    assert sample.scene_id == '2' and sample.city == 'MIA'
    assert sample.track_id == 'AGENT'
    assert tuple(sample.gt_trajs.shape) == (4, 30, 2)
    assert len(item['inputs']['lanes']) == 3


def test_ids_are_numbers(tmp_path, cases):
    """Scene 10 comes after scene 9."""
    folder = tmp_path / 'train/data'
    folder.mkdir(parents=True)
    for number in (10, 9, 100):
        cases.write_argoverse1(folder / f'{number}.csv', cases.scene_s())
    data = dataset(tmp_path, map_root=None)
    assert [info['scene_id'] for info in map(data.get_data_info, range(3))
            ] == ['9', '10', '100']
    assert [dataset(tmp_path, map_root=None, scenes=(1, 3))[0][
        'data_samples'].scene_id] == ['10']
    with pytest.raises(ValueError, match='not among the 3'):
        dataset(tmp_path, map_root=None, scenes=(1, 4))
    (folder / 'notes.csv').touch()
    with pytest.raises(DataError, match='called <number>.csv'):
        dataset(tmp_path, map_root=None)


def test_cache_is_the_same(argoverse1, tmp_path):
    plain = dataset(argoverse1)
    cached = dataset(argoverse1, cache=str(tmp_path))
    for index in range(4):
        assert_same(plain.get_data_info(index), cached.get_data_info(index))


def test_cache_of_two(argoverse2, tmp_path, monkeypatch):
    """Scenes of different sizes, shards of three scenes, no lanes at all."""
    monkeypatch.setattr(cache_module, 'SHARD', 3)
    for with_map in (True, False):
        arguments = dict(split='train', featuriser=VECTORNET,
                         data_root=str(argoverse2), with_map=with_map)
        plain = Argoverse2(**arguments)
        cached = Argoverse2(cache=str(tmp_path), **arguments)
        assert len(list(cached.folder.glob('*.safetensors'))) == 2
        for index in range(4):
            assert_same(plain.get_data_info(index),
                        cached.get_data_info(index))


def test_workers_build_the_same(argoverse1, tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, 'SHARD', 3)
    one = dataset(argoverse1, cache=str(tmp_path / 'one'))
    two = dataset(argoverse1, cache=str(tmp_path / 'two'), cache_workers=2)
    assert one.folder.name == two.folder.name
    assert len(list(two.folder.glob('*.safetensors'))) == 2
    for index in range(4):
        assert_same(read_cached(one.folder, index),
                    read_cached(two.folder, index))


def test_other_settings_are_another_cache(argoverse1, tmp_path):
    folders = {
        dataset(argoverse1, cache=str(tmp_path), **kwargs).folder
        for kwargs in (
            {}, dict(featuriser=dict(VECTORNET, reach=50.)),
            dict(featuriser=dict(type='lm4ve_mm.MMTransformerFeatures')),
            dict(map_root=None), dict(split='val'), dict(scenes=(0, 3)))}
    assert len(folders) == 6
    assert dataset(argoverse1, cache=str(tmp_path)).folder in folders


def test_cache_under_a_wrong_name(argoverse1, tmp_path):
    """A folder that was renamed is refused, and says what differs."""
    first = dataset(argoverse1, cache=str(tmp_path)).folder
    other = dict(VECTORNET, reach=50.)
    second = dataset(argoverse1, cache=str(tmp_path), featuriser=other).folder
    for path in second.iterdir():
        path.unlink()
    second.rmdir()
    first.rename(second)
    with pytest.raises(DataError, match="settings .*'reach': 100.0"):
        dataset(argoverse1, cache=str(tmp_path), featuriser=other)


def test_damaged_shard(argoverse1, tmp_path):
    data = dataset(argoverse1, cache=str(tmp_path))
    shard = shard_of(data.folder, 0)
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(DataError, match='remove it, and it is built again'):
        data[0]
    shard.unlink()
    assert dataset(argoverse1, cache=str(tmp_path))[0] is not None


def broken_third(path):
    """Stands in for a kill: the third scene cannot be made."""
    if path == '3':
        raise KeyboardInterrupt
    return slow(path)


def slow(path):
    size = int(path) % 4 + 1
    rng = np.random.default_rng(int(path))
    return dict(
        actors=rng.random((size, 2, 3), np.float32), ctrs=rng.random(
            (size, 2)), gt_trajs=rng.random((size, 5, 2)),
        gt_mask=np.ones((size, 5), bool), tracks=np.arange(size),
        lanes=rng.random((size - 1, 9, 7)), origin=rng.random(2),
        theta=np.array(.5), city='MIA', track_id=path)


def test_interrupted_build_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, 'SHARD', 2)
    paths = [str(i) for i in range(5)]
    with pytest.raises(KeyboardInterrupt):
        build_cache(tmp_path / 'c', dict(a=1), paths, broken_third)
    assert sorted(p.name for p in (tmp_path / 'c').glob('0*')) == [
        '00000.safetensors']
    before = shard_of(tmp_path / 'c', 0).stat().st_mtime_ns
    build_cache(tmp_path / 'c', dict(a=1), paths, slow)
    assert shard_of(tmp_path / 'c', 0).stat().st_mtime_ns == before
    for index, path in enumerate(paths):
        assert_same(read_cached(tmp_path / 'c', index), slow(path))


KILLED = """
import sys, time
from lm4ve_motion.datasets import cache
cache.SHARD = 2
sys.path[:0] = []
from lm4ve_motion.datasets.cache import build_cache
import numpy as np
from pathlib import Path

def make(path):
    time.sleep(.05)
    return dict(actors=np.ones((1, 2, 3)), ctrs=np.ones((1, 2)),
                gt_trajs=np.ones((1, 5, 2)), gt_mask=np.ones((1, 5), bool),
                tracks=np.arange(1), lanes=np.ones((0, 9, 7)),
                origin=np.ones(2), theta=np.array(.5), city='MIA',
                track_id=path)

build_cache(Path(sys.argv[1]), dict(a=1), [str(i) for i in range(40)], make)
"""


@pytest.mark.slow
def test_killed_build_leaves_whole_shards(tmp_path, monkeypatch):
    script = tmp_path / 'build.py'
    script.write_text(KILLED)
    folder = tmp_path / 'c'
    run = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(run, stderr=subprocess.DEVNULL)
    while not shard_of(folder, 2).exists():
        assert process.poll() is None
        time.sleep(.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 3 <= len(list(folder.glob('*.safetensors'))) < 20
    subprocess.run(run, check=True, stderr=subprocess.DEVNULL)
    monkeypatch.setattr(cache_module, 'SHARD', 2)
    assert [read_cached(folder, i)['track_id'] for i in range(40)] == [
        str(i) for i in range(40)]


def test_test_scenes_are_not_learnt_from(argoverse1, tmp_path):
    with pytest.raises(ValueError, match='no futures to learn from'):
        dataset(argoverse1, split='test', test_mode=False)
    assert not dataset(argoverse1, split='test')[0][
        'data_samples'].gt_mask.any()
    folder = tmp_path / 'train'
    folder.mkdir()
    (folder / 'data').symlink_to(argoverse1 / 'test_obs/data')
    data = dataset(tmp_path, map_root=None)
    with pytest.raises(DataError, match='of a test split, its 20 steps'):
        data[0]
    with pytest.raises(DataError, match='of a test split'):
        dataset(tmp_path, map_root=None, cache=str(tmp_path / 'cache'))


def test_missing_folders(tmp_path):
    with pytest.raises(ValueError, match='splits train, val, test, not'):
        dataset(tmp_path, split='sample')
    with pytest.raises(DataNotFoundError, match='no folder .*train/data'):
        dataset(tmp_path)
    (tmp_path / 'train/data').mkdir(parents=True)
    with pytest.raises(DataNotFoundError, match='no scenes in'):
        dataset(tmp_path)


def test_map_root_that_is_not_there(argoverse1):
    data = dataset(argoverse1, map_root='elsewhere')
    with pytest.raises(DataNotFoundError, match='map_root=None'):
        data[0]


def test_without_a_map_is_said(argoverse1, caplog, monkeypatch):
    from lm4ve_motion.datasets import argoverse
    said = []
    monkeypatch.setattr(argoverse, 'log_without_map', said.append)
    assert len(dataset(argoverse1, map_root=None)[0]['inputs']['lanes']) == 0
    assert said == ['Argoverse1 (train)']


def test_lanes_nowhere_near_are_said(argoverse1, tmp_path, cases,
                                     monkeypatch):
    from lm4ve_motion.datasets import argoverse
    said = []
    monkeypatch.setattr(argoverse, 'print_log',
                        lambda text, **_: said.append(text))
    folder = tmp_path / 'train/data'
    folder.mkdir(parents=True)
    for number in (1, 2):
        cases.write_argoverse1(folder / f'{number}.csv', cases.moved(
            cases.scene_s(), (5000, 0)))
    (tmp_path / 'map_files').symlink_to(argoverse1 / 'map_files')
    data = dataset(tmp_path)
    assert [len(data[i]['inputs']['lanes']) for i in range(2)] == [0, 0]
    assert len(said) == 1 and 'Is that the map of MIA?' in said[0]


@pytest.mark.parametrize('layout', ['mmtransformer', 'vectornet'])
def test_mirrored_scenes(cases, layout):
    """They are those of a mirrored world."""
    from lm4ve_motion.datasets import (
        FlipScene,
        MMTransformerFeatures,
        VectorNetFeatures,
    )
    make = dict(mmtransformer=MMTransformerFeatures,
                vectornet=VectorNetFeatures)[layout]()
    scene, lanes = cases.scene_s(), cases.some_lanes()
    world = scene._replace(positions=scene.positions * (-1, 1))
    mirrored = lanes._replace(
        points=lanes.points * (-1, 1),
        boxes=lanes.boxes[:, [2, 1, 0, 3]] * (-1, 1, -1, 1),
        turns=np.array([0, 2, 1])[lanes.turns])
    arrays = make(scene, lanes)
    flipped = FlipScene(1., layout).transform(arrays)
    wanted = make(world, mirrored)
    for key in ('actors', 'ctrs', 'lanes'):
        assert np.allclose(flipped[key], wanted[key], atol=1e-4), key
    assert np.allclose(flipped['gt_trajs'][0] - arrays['origin'], to_other(
        wanted, arrays), atol=1e-6)
    assert FlipScene(0., layout).transform(arrays) is arrays
    with pytest.raises(ValueError, match="not 'hivt'"):
        FlipScene(layout='hivt')


def test_masked_history(cases):
    from lm4ve_motion.datasets import MaskHistory, MMTransformerFeatures
    arrays = MMTransformerFeatures()(cases.scene_s())
    masked = MaskHistory(prob=1.).transform(arrays)['actors']
    assert not masked[:, :10, [0, 1, 3]].any()
    assert np.array_equal(masked[:, 10:], arrays['actors'][:, 10:])
    assert np.array_equal(masked[..., 2], arrays['actors'][..., 2])


def to_other(wanted, arrays):
    """The mirrored future, turned into the frame of the first scene."""
    from lm4ve_motion.datasets.frames import rotation, to_local
    local = to_local(wanted['gt_trajs'][0], wanted['origin'],
                     wanted['theta'])
    return local @ rotation(arrays['theta'])


def test_checks(argoverse1, argoverse2, monkeypatch):
    """Counts, unreadable files, missing maps."""
    from lm4ve_motion.datasets import checks
    check1 = functools.partial(checks.check_argoverse1, argoverse1)
    found = {finding.what: finding for finding in check1()}
    assert found['train/data: how many'].problem == (
        'train has 4 scenes, published are 205942')
    assert found['train/data: content'].state == '4 scenes, 4 of them read'
    assert found['map_files: lanes of MIA'].state == '3 lanes'
    assert found['map_files: lanes of PIT'].state == 'missing'
    assert found['map_files: drivable area of MIA'].problem == ''
    monkeypatch.setattr(checks, 'COUNTS1', dict(train=4, val=2, test=2))
    monkeypatch.setattr(checks, 'COUNTS2', dict(train=4, val=2, test=2))
    states = [finding.problem for finding in checks.check_argoverse2(
        argoverse2, every=2)]
    assert states == [''] * 6


def test_checks_name_broken_files(tmp_path, cases, monkeypatch):
    from lm4ve_motion.datasets import checks
    monkeypatch.setattr(checks, 'COUNTS1', dict(
        train=208_272, val=40_127, test=1))
    folder = tmp_path / 'test_obs/data'
    folder.mkdir(parents=True)
    (folder / '5.csv').write_text('TIMESTAMP,TRACK_ID\n')
    problems = [f.problem for f in checks.check_argoverse1(tmp_path)
                if f.problem]
    assert any('1 of 1 scenes cannot be used' in p and '5.csv' in p
               for p in problems)
    assert any('no folder' in p and 'train/data' in p for p in problems)


def test_old_release_is_recognised():
    from lm4ve_motion.datasets import checks
    with pytest.raises(DataError, match='this is v1.0'):
        checks._count(208_272, 'train', checks.COUNTS1)
