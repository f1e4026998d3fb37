"""The robustness sets on disk, in the layouts that people have."""

import cv2
import numpy as np
import pytest

from lm4ve_mm.image.datasets import ImageNetC, ImageNetVariant
from lm4ve_mm.image.datasets.imagenet_c import ARCHIVES, CORRUPTIONS
from lm4ve_mm.image.datasets.imagenet_classes import wordnet_ids
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

IMAGE = cv2.imencode('.JPEG', np.full((8, 8, 3), 90, np.uint8))[1].tobytes()


def fill(folder, names, images=('a.JPEG', 'b.JPEG')):
    for name in names:
        (folder / name).mkdir(parents=True)
        for image in images:
            (folder / name / image).write_bytes(IMAGE)
    return folder


def variant(name, root, **kwargs):
    return ImageNetVariant(name, data_root=str(root), pipeline=[], **kwargs)


def test_a_subset_keeps_the_labels_of_all(tmp_path):
    """ImageNet-A with two of its classes: labels are among the 1,000."""
    names = wordnet_ids('imagenet_a')[1:3]
    fill(tmp_path, names)
    (tmp_path / 'README.txt').write_text('of the archive')
    data = variant('imagenet_a', tmp_path, allow_partial=True)
    assert len(data) == 4
    assert [data.get_data_info(k)['gt_label'] for k in range(4)] == [
        11, 11, 13, 13]
    assert data.get_data_info(0)['group'] == 'imagenet_a'
    with pytest.raises(DataError, match='4 images of 2 classes.*7,500 of 200'):
        variant('imagenet_a', tmp_path)


def test_numbers_are_not_sorted_as_text(tmp_path):
    fill(tmp_path, ['0', '1', '10', '2'])
    data = variant('imagenet_v2', tmp_path, allow_partial=True)
    labels = {data.get_data_info(k)['img_path'].split('/')[-2]:
              data.get_data_info(k)['gt_label'] for k in range(len(data))}
    assert labels == {'0': 0, '1': 1, '10': 10, '2': 2}


@pytest.mark.parametrize('name, folder, message', [
    ('imagenet_r', 'train', 'split for another purpose'),
    ('imagenet_v2', 'n01440764', 'older copy named by WordNet ids'),
    ('imagenet_a', 'n01440764', 'no class of this set')])
def test_foreign_folders(tmp_path, name, folder, message):
    fill(tmp_path, [folder])
    with pytest.raises(DataError, match=message):
        variant(name, tmp_path, allow_partial=True)


def test_absent_and_unknown(tmp_path):
    with pytest.raises(DataNotFoundError, match='hendrycks/imagenet-r'):
        variant('imagenet_r', tmp_path / 'none')
    with pytest.raises(ConfigError, match='known: imagenet, imagenet_a'):
        variant('imagenet_x', tmp_path)


@pytest.fixture(scope='module', params=['flat', 'archives'])
def imagenet_c(request, tmp_path_factory):
    """75 sets of two images, in either layout."""
    root = tmp_path_factory.mktemp('imagenet_c')
    for archive, names in ARCHIVES.items():
        for name in names:
            for severity in range(1, 6):
                above = root / archive if request.param == 'archives' else root
                fill(above / name / str(severity), wordnet_ids()[3:5],
                     ('ILSVRC2012_val_00000001.JPEG', ))
    return root


def corrupted(root, **kwargs):
    return ImageNetC(data_root=str(root), pipeline=[], allow_partial=True,
                     **kwargs)


def test_75_sets_out_of_one_list(imagenet_c):
    data = corrupted(imagenet_c)
    assert len(data) == 150
    records = [data.get_data_info(k) for k in range(150)]
    groups = [record['group'] for record in records]
    assert groups[:2] == ['imagenet_c/gaussian_noise/1'] * 2
    assert groups[-1] == 'imagenet_c/jpeg_compression/5'
    assert len(set(groups)) == 75
    assert [record['gt_label'] for record in records] == [3, 4] * 75
    for record in records:
        _, name, severity = record['group'].split('/')
        with open(record['img_path'], 'rb') as file:
            assert file.read() == IMAGE
        assert f'/{name}/{severity}/' in record['img_path']
    assert len({record['sample_idx'] for record in records}) == 150


def test_a_part_of_it(imagenet_c):
    data = corrupted(imagenet_c, corruptions=['fog'], severities=[2, 3],
                     subset=1)
    assert [data.get_data_info(k)['group'] for k in range(len(data))] == [
        'imagenet_c/fog/2', 'imagenet_c/fog/3']
    one, two = (data.get_data_info(k)['img_path'] for k in (0, 1))
    assert one.replace('/2/', '/3/') == two
    with pytest.raises(ConfigError, match=r"\['smog'\] is unknown"):
        corrupted(imagenet_c, corruptions=['fog', 'smog'])


def test_incomplete_trees(tmp_path):
    fill(tmp_path / 'fog/1', wordnet_ids()[:2])
    fill(tmp_path / 'fog/2', wordnet_ids()[:1])
    with pytest.raises(DataNotFoundError, match='has no gaussian_noise/1'):
        corrupted(tmp_path)
    with pytest.raises(DataError, match='has not the classes of'):
        corrupted(tmp_path, corruptions=['fog'], severities=[1, 2])
    with pytest.raises(DataError, match='4 images instead of 50,000'):
        ImageNetC(data_root=str(tmp_path), pipeline=[], corruptions=['fog'],
                  severities=[1])


def test_every_corruption_has_its_place():
    assert len(CORRUPTIONS) == 15 and CORRUPTIONS[0] == 'gaussian_noise'
