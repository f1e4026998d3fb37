"""ImageNet out of archives: nested, flat, damaged."""

import io
import tarfile

import cv2
import numpy as np
import pytest

from lm4ve_mm.image.datasets import ImageNetTar, LoadNamedImage
from lm4ve_mm.image.datasets.imagenet_classes import wordnet_ids
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError


def picture(level):
    image = np.full((8, 8, 3), level, np.uint8)
    return cv2.imencode('.png', image)[1].tobytes()


def pack(files, mode='w'):
    """An archive of name -> content, as bytes."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


@pytest.fixture
def train(tmp_path):
    """As the training archive: one archive a class."""
    content = pack({
        f'{name}.tar': pack({f'{name}_{k}.png': picture(10 * label + k)
                             for k in range(2)})
        for label, name in enumerate(wordnet_ids()[:3])})
    (tmp_path / 'train.tar').write_bytes(content)
    return tmp_path


def levels(data):
    load = LoadNamedImage()
    records = [data.get_data_info(k) for k in range(len(data))]
    return [(int(load(dict(record))['img'][0, 0, 0]), record['gt_label'])
            for record in records]


def test_archives_in_an_archive(train):
    data = ImageNetTar('train.tar', data_root=str(train), pipeline=[])
    assert levels(data) == [(0, 0), (1, 0), (10, 1), (11, 1), (20, 2), (21, 2)]


def test_folders_in_an_archive(tmp_path):
    name = wordnet_ids()[7]
    (tmp_path / 'a.tar').write_bytes(pack({
        f'./val/{name}/x.png': picture(5), 'README.txt': b'text'}))
    data = ImageNetTar('a.tar', data_root=str(tmp_path), group='imagenet',
                       pipeline=[])
    assert levels(data) == [(5, 7)]
    assert data.get_data_info(0)['group'] == 'imagenet'


def test_a_flat_archive_with_labels(tmp_path):
    (tmp_path / 'val.tar').write_bytes(pack({
        'b.png': picture(2), 'a.png': picture(1)}))
    (tmp_path / 'val.txt').write_text('a.png 65\nb.png 970\n')
    options = dict(data_root=str(tmp_path), pipeline=[])
    data = ImageNetTar('val.tar', ann_file='val.txt', **options)
    assert sorted(levels(data)) == [(1, 65), (2, 970)]
    with pytest.raises(ConfigError, match='lies in no folder named by'):
        ImageNetTar('val.tar', **options)
    (tmp_path / 'val.txt').write_text('a.png 65\n')
    with pytest.raises(DataError, match='no label for b.png'):
        ImageNetTar('val.tar', ann_file='val.txt', **options)


def test_damaged_archives(train):
    path = train / 'train.tar'
    data = ImageNetTar('train.tar', data_root=str(train), pipeline=[])
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    with pytest.raises(DataError, match='ends before'):
        levels(data)
    with pytest.raises(DataError, match='cut off, or compressed'):
        ImageNetTar('train.tar', data_root=str(train), pipeline=[])
    path.write_bytes(pack({'a.png': picture(1)}, 'w:gz'))
    with pytest.raises(DataError, match='compressed'):
        ImageNetTar('train.tar', data_root=str(train), pipeline=[])
    with pytest.raises(DataNotFoundError, match='no archive'):
        ImageNetTar('none.tar', data_root=str(train), pipeline=[])
