"""ImageNet's images are decoded as DeiT's loader does, by Pillow alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from lm4ve_mm.registry import TRANSFORMS

ROOT = Path(__file__).parents[2]
RECIPE = Config.fromfile(ROOT / 'configs/_base_/datasets/imagenet_deit.py')
COLOURS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


def encoded(mode, form, **options):
    file = io.BytesIO()
    image = Image.fromarray(COLOURS).convert(mode)
    if 'A' in mode:
        image.putalpha(Image.fromarray(COLOURS[..., 0]))
    if 'orientation' in options:
        exif = Image.Exif()
        exif[274] = options.pop('orientation')
        options['exif'] = exif
    image.save(file, form, **options)
    return file.getvalue()


def encoded_16():
    file = io.BytesIO()
    Image.fromarray(np.arange(24 * 40, dtype=np.uint16).reshape(24, 40)
                    * 68).save(file, 'PNG')
    return file.getvalue()


IMAGES = dict(
    plain=encoded('RGB', 'JPEG'),
    turned=encoded('RGB', 'JPEG', orientation=6),
    mirrored=encoded('RGB', 'JPEG', orientation=2),
    cmyk=encoded('CMYK', 'JPEG'),
    grey=encoded('L', 'JPEG'),
    progressive=encoded('RGB', 'JPEG', progressive=True),
    palette=encoded('P', 'PNG'),
    alpha=encoded('RGBA', 'PNG'),
    grey_alpha=encoded('LA', 'PNG'),
    bits_16=encoded_16(),
    bilevel=encoded('1', 'PNG'),
)


def load(path, config):
    return TRANSFORMS.build(config)(dict(img_path=str(path)))


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
@pytest.mark.parametrize('name', IMAGES)
def test_imagenet_is_read_as_torchvision_reads_it(tmp_path, name, split):
    path = tmp_path / 'image'
    path.write_bytes(IMAGES[name])
    step = RECIPE[f'{split}_dataloader'].dataset.pipeline[0]
    image = load(path, step)['img']
    with Image.open(path) as file:
        wanted = np.asarray(file.convert('RGB'))
    assert np.array_equal(image[..., ::-1], wanted)
    assert image.flags.c_contiguous


def test_by_default_an_image_is_turned(tmp_path):
    """Of people's own photos, as everywhere in the toolboxes."""
    path = tmp_path / 'image.jpg'
    path.write_bytes(IMAGES['turned'])
    assert load(path, dict(type='lm4ve_mm.LoadNamedImage'))['img'].shape == (
        40, 24, 3)


@pytest.mark.parametrize('config', [
    dict(type='lm4ve_mm.LoadNamedImage'), RECIPE.load_image], ids=str)
@pytest.mark.parametrize('content', [b'', b'no image'])
def test_damaged_images_are_named(tmp_path, config, content):
    path = tmp_path / 'image.jpg'
    path.write_bytes(content)
    with pytest.raises((OSError, AssertionError), match='image.jpg'):
        load(path, config)


def test_cut_images_are_named(tmp_path):
    """Pillow's message is about bytes alone; OpenCV pads without a word."""
    path = tmp_path / 'image.jpg'
    path.write_bytes(IMAGES['plain'][:-300])
    with pytest.raises(OSError, match='cannot decode the image .*image.jpg: '
                       'it is empty or damaged .*truncated'):
        load(path, RECIPE.load_image)


def test_a_missing_image_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.jpg'):
        load(tmp_path / 'gone.jpg', RECIPE.load_image)


def test_an_image_that_is_there_stays(tmp_path):
    """MMPretrain's inferencer reads it, and calls the pipeline with it."""
    given = dict(img=COLOURS, img_shape=(24, 40))
    step = TRANSFORMS.build(RECIPE.load_image)
    assert step(given)['img'] is COLOURS


def test_erased_pixels_are_rounded():
    """The same normal draws, in whole levels next to them."""
    erase = next(step for step in RECIPE.train_pipeline
                 if step.type.endswith('RandomErasing'))
    erase = TRANSFORMS.build(dict(erase, erase_prob=1.))
    blank = np.zeros((200, 200, 3), np.uint8)
    np.random.seed(0)
    found = erase._fill_pixels(blank.copy(), 0, 0, 200, 200)
    np.random.seed(0)
    wanted = np.random.normal(RECIPE.bgr_mean, RECIPE.bgr_std, (200, 200, 3))
    np.testing.assert_array_equal(
        found, wanted.clip(0, 255).round().clip(0, 255).astype(np.uint8))
