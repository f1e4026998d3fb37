"""ImageNet-S-50 on disk, its ids, and masks that move with images."""

import cv2
import numpy as np
import pytest

from lm4ve_mm.image.datasets import ImageNetS50, PhotoDigits
from lm4ve_mm.image.datasets.imagenet_s import read_ids
from lm4ve_mm.image.datasets.masks import MaskPipeline, Masks
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError

IDS = np.array([[0, 1, 50], [1000, 1000, 7]])


def write_mask(path, ids):
    """As published: RGB, red + 256 green."""
    colours = np.stack([ids % 256, ids // 256, 0 * ids], -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), colours[..., ::-1].astype(np.uint8))


@pytest.fixture
def tree(tmp_path):
    """Three images of two classes."""
    for name, image in (('n01443537', 'a'), ('n01443537', 'b'),
                        ('n12998815', 'c')):
        write_mask(tmp_path / 'validation-segmentation' / name
                   / f'{image}.png', IDS)
        folder = tmp_path / 'validation' / name
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f'{image}.JPEG'), np.zeros((2, 3, 3)))
    return tmp_path


def read(root, **kwargs):
    return ImageNetS50(data_root=str(root), pipeline=[], **kwargs)


def test_images_with_masks(tree):
    data = read(tree, allow_partial=True)
    assert len(data) == 3
    record = data.get_data_info(2)
    assert record['gt_label'] == 992  # among the 1,000
    masks = data.masks(record)
    assert masks.foreground.tolist() == [[0, 1, 1], [0, 0, 1]]
    assert masks.ignored.tolist() == [[0, 0, 0], [1, 1, 0]]
    assert (read_ids(record['mask_path']) == IDS).all()


def test_bad_trees(tree):
    with pytest.raises(DataError, match='3 images of 2 classes.*752 of 50'):
        read(tree)
    mask = tree / 'validation-segmentation/n12998815/c.png'
    write_mask(mask, IDS + 51)
    data = read(tree, allow_partial=True)
    with pytest.raises(DataError, match=r'c.png holds the ids \[51'):
        data.masks(data.get_data_info(2))
    write_mask(mask, IDS.T)
    with pytest.raises(DataError, match='3x2 pixels.*another size'):
        data.masks(data.get_data_info(2))
    mask.write_bytes(b'')
    with pytest.raises(DataError, match='cannot decode the mask'):
        data.masks(data.get_data_info(2))
    mask.unlink()
    with pytest.raises(DataNotFoundError, match='c.JPEG has no mask'):
        read(tree, allow_partial=True)
    with pytest.raises(DataNotFoundError, match='LUSSeg/ImageNet-S'):
        read(tree / 'validation')


def test_a_mask_is_moved_as_the_image_is():
    """A square far from the middle, through a resize and a crop."""
    steps = [
        dict(type='mmpretrain.ResizeEdge', scale=64, edge='short',
             backend='pillow', interpolation='bicubic'),
        dict(type='mmpretrain.CenterCrop', crop_size=48)]
    mask = np.zeros((32, 40), bool)
    mask[8:16, 24:32] = True
    moved = MaskPipeline([dict(type='lm4ve_mm.LoadNamedImage'), *steps,
                          dict(type='mmpretrain.PackInputs')])(
                              Masks(mask, ~mask))
    from mmengine.dataset import Compose
    image = Compose(steps)(dict(img=np.repeat(
        mask[..., None] * np.uint8(255), 3, -1)))['img']
    assert moved.foreground.shape == (48, 48)
    assert (moved.foreground == (image[..., 0] > 127)).all()
    assert moved.foreground.sum() == 16 * 16
    assert (moved.foreground ^ moved.ignored).all()


def test_unknown_steps_are_refused():
    with pytest.raises(ConfigError, match='through mmpretrain.RandomCrop'):
        MaskPipeline([dict(type='mmpretrain.RandomCrop', crop_size=8)])


def test_photo_digits():
    one, two = (PhotoDigits('test', pipeline=[], size=32, digit=(16, 24),
                            step=1) for _ in range(2))
    record, again = (data.get_data_info(5) for data in (one, two))
    assert len(one) == 397 and record['img'].shape == (32, 32, 3)
    assert (record['img'] == again['img']).all()
    ink = one.masks(record).foreground
    assert .03 < ink.mean() < .4
    # What is called ink is bright, and the rest is dimmed.
    assert record['img'][ink].min() > 100
    assert record['img'][~ink].mean() < record['img'][ink].mean() - 50
    with pytest.raises(ConfigError, match='sides of 8 to 32'):
        PhotoDigits('test', pipeline=[], size=32, digit=(16, 48))
