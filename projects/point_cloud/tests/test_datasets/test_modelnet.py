"""ModelNet40: text files, our cache, upstream's pickles."""

import os
import pickle

import h5py
import numpy as np
import pytest
from lm4ve_point_cloud.datasets import (
    DataError,
    DataNotFoundError,
    ModelNet40,
    ModelNetFewShot,
)
from lm4ve_point_cloud.datasets.modelnet_files import (
    CLASSES,
    build_cache,
    class_of,
    convert_upstream_cache,
)

from lm4ve_mm.ops import fps_numpy

TRAIN = ('airplane_0001', 'night_stand_0001', 'xbox_0002')
TEST = ('flower_pot_0150', )


def table(identity):
    """The lines of one object: 60 instead of 10000, one near the origin."""
    seed = sum(identity.encode())
    lines = np.random.default_rng(seed).normal(3, 1, (60, 6)).round(6)
    lines[30, :3] = .01
    return lines


@pytest.fixture
def root(tmp_path):
    """The folder as it is unpacked, with four objects."""
    (tmp_path / 'modelnet40_shape_names.txt').write_text('\n'.join(CLASSES))
    for split, ids in (('train', TRAIN), ('test', TEST)):
        (tmp_path / f'modelnet40_{split}.txt').write_text('\n'.join(ids))
        for one in ids:
            folder = tmp_path / one.rsplit('_', 1)[0]
            folder.mkdir(exist_ok=True)
            np.savetxt(folder / f'{one}.txt', table(one), '%.6f', ',')
    return tmp_path


def test_classes():
    assert len(CLASSES) == 40 and list(CLASSES) == sorted(CLASSES)
    several = {one for one in CLASSES if '_' in one}
    assert several == {'flower_pot', 'glass_box', 'night_stand', 'range_hood',
                       'tv_stand'}
    assert class_of('night_stand_0001') == 'night_stand'
    assert class_of('airplane_0001') == 'airplane'


@pytest.mark.parametrize('workers', [1, 2])
def test_cache_is_built_from_the_text(root, workers):
    cache = build_cache(root, 'train', num_points=32, workers=workers)
    assert cache == root / 'modelnet40_train_32pts.h5'
    data = ModelNet40('train', data_root=str(root), num_points=32)
    for index, one in enumerate(TRAIN):
        points = table(one)[:, :3].astype(np.float32)
        kept = fps_numpy(points, 32, skip_near_origin=False)
        assert 30 in kept
        info = data.get_data_info(index)
        assert np.array_equal(info['points'], points[kept])
        assert CLASSES[info['gt_label']] == class_of(one)
    with h5py.File(cache) as file:
        assert [name.decode() for name in file['name']] == list(TRAIN)
    # What is there is not built again.
    before = cache.stat().st_mtime_ns
    build_cache(root, 'train', num_points=32)
    assert cache.stat().st_mtime_ns == before
    assert not list(root.glob('.*.part'))


def test_cached_points_are_normalised_by_the_pipeline(root):
    build_cache(root, 'test', num_points=32)
    normalise = dict(type='lm4ve_mm.NormalizeCloud')
    data = ModelNet40('test', data_root=str(root), num_points=32,
                      pipeline=[normalise])
    first, again = data[0]['points'], data[0]['points']
    assert np.array_equal(first, again)
    np.testing.assert_allclose(first.mean(0), 0, atol=1e-6)
    assert np.linalg.norm(first, axis=1).max() == pytest.approx(1, abs=1e-6)


def test_missing_cache_names_the_command(root):
    with pytest.raises(DataNotFoundError,
                       match=rf'build_modelnet_cache.py {root}'):
        ModelNet40('train', data_root=str(root))


def test_missing_text_file(root):
    (root / 'xbox/xbox_0002.txt').unlink()
    with pytest.raises(DataNotFoundError, match='1 of 3 files .* the first is '
                       r'\S+xbox/xbox_0002.txt.*modelnet40_normal_resampled'):
        build_cache(root, 'train', 32)


@pytest.mark.parametrize(('content', 'message'), [
    ('1,2,3\n4,5,6\n', r'is \(2, 3\), not \(N, 6\)'),
    ('1,2,3,4,5,6\nx,2,3,4,5,6\n', 'is no table of numbers'),
    ('1,2,3,4,5,nan\n', 'not .* finite'),
    ('1,2,3,4,5,6\n' * 3, 'cannot sample 32 different points of 3'),
])
def test_broken_text_file(root, content, message):
    (root / 'xbox/xbox_0002.txt').write_text(content)
    with pytest.raises(DataError, match=rf'xbox_0002.txt.* {message}'):
        build_cache(root, 'train', 32)
    assert not list(root.glob('*.h5')) and not list(root.glob('.*.part'))


def test_other_classes(root):
    (root / 'modelnet40_shape_names.txt').write_text('chair\ntable\n')
    with pytest.raises(DataError, match='2 names that are not the 40'):
        build_cache(root, 'train', 32)
    (root / 'modelnet40_shape_names.txt').write_text('\n'.join(CLASSES))
    (root / 'modelnet40_train.txt').write_text('spoon_0001\n')
    with pytest.raises(DataError, match=r"ids of no class: \['spoon_0001'\]"):
        build_cache(root, 'train', 32)


def upstream_cache(root, split='train', labels=(0, 23, 39)):
    """The pickle that upstream writes: two lists, with numpy's old names."""
    clouds = [table(str(label)).astype(np.float32) for label in labels]
    content = [clouds, [np.array([label], np.int32) for label in labels]]
    old = pickle.dumps(content, protocol=2).replace(
        b'numpy._core.multiarray', b'numpy.core.multiarray')
    assert b'numpy.core' in old
    name = f'modelnet40_{split}_60pts_fps.dat'
    (root / name).write_bytes(old)
    return name


def test_upstream_cache(root):
    name = upstream_cache(root)
    data = ModelNet40('train', data_root=str(root), upstream_cache=name,
                      allow_pickle=True)
    assert [info['gt_label'] for info in data] == [0, 23, 39]
    assert np.array_equal(data[1]['points'],
                          table('23')[:, :3].astype(np.float32))
    converted = convert_upstream_cache(root / name, 'train', True)
    again = ModelNet40('train', data_root=str(root), num_points=60)
    assert converted.name == 'modelnet40_train_60pts.h5'
    for index in range(3):
        assert np.array_equal(again[index]['points'], data[index]['points'])
        assert again[index]['gt_label'] == data[index]['gt_label']
    with pytest.raises(DataError, match='is there already'):
        convert_upstream_cache(root / name, 'train', True)


def test_pickles_need_consent(root):
    name = upstream_cache(root)
    with pytest.raises(DataError, match='is a pickle.*allow_pickle=True'):
        ModelNet40('train', data_root=str(root), upstream_cache=name)
    with pytest.raises(DataNotFoundError, match='no file .*none.dat'):
        ModelNet40('train', data_root=str(root), upstream_cache='none.dat',
                   allow_pickle=True)


class Attack:
    """Would make a folder when a plain pickle is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


def test_pickles_cannot_act(root):
    trace = root / 'trace'
    file = root / 'evil.dat'
    file.write_bytes(pickle.dumps([[Attack(trace)], []]))
    with pytest.raises(DataError, match='evil.dat was refused: it asks for '
                       r'\w+.mkdir'):
        ModelNet40('train', data_root=str(root), upstream_cache=file.name,
                   allow_pickle=True)
    assert not trace.exists()
    pickle.loads(file.read_bytes())
    assert trace.exists(), 'the attack was harmless anyway'


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'damaged or incomplete'),
    (pickle.dumps([[np.zeros((4, 6))], [np.zeros(1, int)]])[:-20],
     'damaged or incomplete'),
    (pickle.dumps({'train': []}), 'is not a list of clouds'),
    (pickle.dumps([[np.zeros((4, 6))], []]), '0 labels'),
    (pickle.dumps([[np.zeros((4, 6)), np.zeros((5, 6))], [0, 0]]),
     'is not a list of clouds'),
])
def test_broken_pickles(root, content, message):
    (root / 'broken.dat').write_bytes(content)
    with pytest.raises(DataError, match=f'broken.dat .*{message}'):
        ModelNet40('train', data_root=str(root), upstream_cache='broken.dat',
                   allow_pickle=True)


@pytest.fixture
def episodes(tmp_path):
    """Fold 3 of 5 ways and 10 shots."""
    rng = np.random.default_rng(0)
    episode = {
        split: [(rng.normal(size=(40, 6)).astype(np.float32), i % 5, 'chair')
                for i in range(count)]
        for split, count in (('train', 50), ('test', 100))
    }
    (tmp_path / '5way_10shot').mkdir()
    (tmp_path / '5way_10shot/3.pkl').write_bytes(pickle.dumps(episode))
    return tmp_path, episode


def test_few_shot(episodes):
    root, episode = episodes
    train, test = (
        ModelNetFewShot(split, 5, 10, 3, str(root), allow_pickle=True)
        for split in ('train', 'test'))
    assert (len(train), len(test)) == (50, 100)
    assert len(train.metainfo['classes']) == 5
    assert train[7]['gt_label'] == 2
    assert np.array_equal(test[7]['points'], episode['test'][7][0][:, :3])


def test_few_shot_errors(episodes):
    root, _ = episodes
    with pytest.raises(DataError, match='allow_pickle=True'):
        ModelNetFewShot('train', 5, 10, 3, str(root))
    with pytest.raises(DataNotFoundError, match='5way_20shot/3.pkl'):
        ModelNetFewShot('train', 5, 20, 3, str(root), allow_pickle=True)
    with pytest.raises(ValueError, match='the ways 5, 10, not 7'):
        ModelNetFewShot('train', 7, 10, 3, str(root), allow_pickle=True)
    (root / '5way_10shot/3.pkl').write_bytes(pickle.dumps({'test': []}))
    with pytest.raises(DataError, match="is no episode.*'train'"):
        ModelNetFewShot('train', 5, 10, 3, str(root), allow_pickle=True)
