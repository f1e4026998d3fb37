"""ScanObjectNN's files: what is read, and what is refused."""

import h5py
import numpy as np
import pytest
import torch
from lm4ve_point_cloud.datasets import (
    DataError,
    DataNotFoundError,
    ScanObjectNN,
)
from lm4ve_point_cloud.datasets.scanobjectnn import VARIANTS
from mmengine.runner import Runner

PIPELINE = [
    dict(type='lm4ve_mm.ShufflePoints'),
    dict(type='lm4ve_mm.FarthestPointSample', num_points=32, pool=True),
    dict(type='lm4ve_mm.PackPoints'),
]


def content(count=5, points=64):
    """What a file of the archive holds, with fewer and smaller clouds."""
    rng = np.random.default_rng(count)
    return dict(
        data=rng.normal(size=(count, points, 3)).astype(np.float32),
        label=np.arange(count, dtype=np.int32) * 14 // max(count - 1, 1),
        mask=rng.integers(-1, 3, (count, points)))


def write(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, 'w') as file:
        file.update(arrays)


@pytest.fixture
def root(tmp_path):
    """OBJ_BG alone, training and test."""
    write(tmp_path / 'main_split/training_objectdataset.h5', **content())
    write(tmp_path / 'main_split/test_objectdataset.h5', **content(3))
    return tmp_path


@pytest.mark.parametrize(('variant', 'fold', 'name'), [
    ('obj_bg', 'main', 'main_split/training_objectdataset.h5'),
    ('obj_only', 'main', 'main_split_nobg/training_objectdataset.h5'),
    ('pb_t50_rs', 'main',
     'main_split/training_objectdataset_augmentedrot_scale75.h5'),
    ('pb_t25', 3, 'split3/training_objectdataset_augmented25_norot.h5'),
    ('pb_t25_r', 'main',
     'main_split/training_objectdataset_augmented25rot.h5'),
    ('pb_t50_r_nobg', 1,
     'split1_nobg/training_objectdataset_augmentedrot.h5'),
])
def test_names_of_the_archive(tmp_path, variant, fold, name):
    write(tmp_path / name, **content())
    data = ScanObjectNN('train', variant, fold, str(tmp_path))
    assert len(data) == 5


def test_points_are_as_stored(root):
    stored = content()
    data = ScanObjectNN('train', 'obj_bg', data_root=str(root))
    for index, label in enumerate((0, 3, 7, 10, 14)):
        info = data.get_data_info(index)
        assert np.array_equal(info['points'], stored['data'][index])
        assert info['points'].dtype == np.float32
        assert info['gt_label'] == label
    assert data.metainfo['classes'][10] == 'bed'
    assert len(data.metainfo['classes']) == 15
    with pytest.raises(ValueError, match='read-only'):
        info['points'] -= 1


def test_float64_files_are_read_as_float32(tmp_path):
    arrays = content()
    path = tmp_path / 'main_split/test_objectdataset.h5'
    write(path, data=arrays['data'].astype(float), label=arrays['label'])
    data = ScanObjectNN('test', 'obj_bg', data_root=str(tmp_path))
    assert data[0]['points'].dtype == np.float32


def test_float64_files_far_from_the_origin_are_refused(tmp_path):
    arrays = content()
    path = tmp_path / 'main_split/test_objectdataset.h5'
    write(path, data=arrays['data'] + [0, 5.4e6, 0], label=arrays['label'])
    with pytest.raises(DataError, match='would lose their shape in float32'):
        len(ScanObjectNN('test', 'obj_bg', data_root=str(tmp_path)))


def test_a_group_is_no_array(tmp_path):
    path = tmp_path / 'main_split/test_objectdataset.h5'
    write(path, **{'data/points': content()['data'], 'label': [1]})
    with pytest.raises(DataError, match="'data' of .* is a group of"):
        len(ScanObjectNN('test', 'obj_bg', data_root=str(tmp_path)))


def test_indices_choose_clouds(root):
    stored = content()
    data = ScanObjectNN(
        'train', 'obj_bg', data_root=str(root), indices=[4, 1])
    assert np.array_equal(data[0]['points'], stored['data'][4])
    assert data[1]['gt_label'] == 3


@pytest.mark.parametrize('workers', [0, 2])
def test_batches_through_a_loader(root, workers):
    """Every cloud arrives whole: its points are those of the file."""
    loader = Runner.build_dataloader(
        dict(
            batch_size=5,
            num_workers=workers,
            worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
            dataset=dict(
                type='lm4ve_mm.ScanObjectNN',
                split='train',
                variant='obj_bg',
                data_root=str(root),
                pipeline=PIPELINE),
            sampler=dict(type='mmengine.DefaultSampler', shuffle=False)),
        seed=0)
    batch = next(iter(loader))
    stored = content()
    for row, (points, sample) in enumerate(
            zip(batch['inputs'], batch['data_samples'])):
        assert points.shape == (37, 3) and points.dtype == torch.float32
        kept = set(map(tuple, points.tolist()))
        assert len(kept) == 37
        assert kept <= set(map(tuple, stored['data'][row].tolist()))
        assert int(sample.gt_label) == (0, 3, 7, 10, 14)[row]
        assert sample.sample_idx == row
        assert sample.path.endswith('training_objectdataset.h5')


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(split='val'), "has the splits 'train', 'test', not 'val'"),
    (dict(variant='hardest'), "variants 'obj_bg', .* not 'hardest'"),
    (dict(fold=5), "folds 'main', 1, 2, 3, 4, not 5"),
])
def test_unknown_names(tmp_path, arguments, message):
    arguments = dict(dict(split='train', data_root=str(tmp_path)), **arguments)
    with pytest.raises(ValueError, match=message):
        ScanObjectNN(**arguments)


def test_missing_file(root):
    with pytest.raises(DataNotFoundError) as error:
        ScanObjectNN('train', 'pb_t50_rs', data_root=str(root))
    for part in ('training_objectdataset_augmentedrot_scale75.h5',
                 'hkust-vgl.github.io/scanobjectnn', 'main_split_nobg/'):
        assert part in str(error.value)


def broken(**changes):
    return dict(content(), **changes)


@pytest.mark.parametrize(('arrays', 'message'), [
    (dict(points=np.zeros((2, 8, 3), 'f4'), label=np.zeros(2, int)),
     r"lacks \['data'\]: it has \['label', 'points'\]"),
    (dict(data=np.zeros((2, 8, 3), 'f4')), r"lacks \['label'\]"),
    (broken(data=np.zeros((5, 64), 'f4')), r"'data' .* is \(5, 64\) float32"),
    (broken(data=np.zeros((5, 64, 4), 'f4')), r'is \(5, 64, 4\)'),
    (broken(data=np.zeros((5, 64, 3), int)), r'int64, not \(N, P, 3\) float'),
    (broken(label=np.zeros((5, 1), int)), r"'label' .* is \(5, 1\) int64"),
    (broken(label=np.zeros(5)), r'float64, not \(N,\) integer'),
    (broken(label=np.zeros(4, int)), 'has 5 clouds, but 4 labels'),
    (broken(label=np.array([0, 1, 15, 2, 16])),
     r'2 labels are not within 0\.\.14, the first is 15 of sample 2'),
    (broken(label=np.array([0, -1, 1, 1, 1])), 'the first is -1 of sample 1'),
    (broken(data=np.where(np.arange(320).reshape(5, 64, 1) == 200, np.nan,
                          content()['data'])),
     'not finite, the first is sample 3'),
])
def test_wrong_content(tmp_path, arrays, message):
    write(tmp_path / 'main_split/test_objectdataset.h5', **arrays)
    with pytest.raises(DataError, match=message):
        ScanObjectNN('test', 'obj_bg', data_root=str(tmp_path))


@pytest.mark.parametrize('size', [0, 100, -100])
def test_truncated_file(root, size):
    path = root / 'main_split/test_objectdataset.h5'
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match='test_objectdataset.h5 cannot be read '
                       'as HDF5: it is damaged or incomplete'):
        ScanObjectNN('test', 'obj_bg', data_root=str(root))


def test_wrong_number_of_classes(root):
    with pytest.raises(DataError, match=r'not within 0\.\.9, the first is 10'
                       ' of sample 3.*10 classes'):
        ScanObjectNN('train', 'obj_bg', data_root=str(root),
                     metainfo=dict(classes=tuple('abcdefghij')))


def test_too_few_points(root):
    sample = dict(type='lm4ve_mm.FarthestPointSample', num_points=65)
    data = ScanObjectNN(
        'test', 'obj_bg', data_root=str(root), pipeline=[sample])
    with pytest.raises(ValueError, match=r'sample 2 of \S+test_objectdataset'
                       r'.h5: cannot sample 65 different points of 64'):
        data[2]


def test_every_variant_has_a_place():
    places = {(ending, background) for ending, background in VARIANTS.values()}
    assert len(places) == len(VARIANTS) == 10
