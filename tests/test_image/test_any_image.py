"""Images of every kind that people have, and those that are refused."""

import io

import cv2
import numpy as np
import pytest
from mmcv.image import imfrombytes
from PIL import Image

from lm4ve_mm.image.datasets.any_image import header_of
from lm4ve_mm.registry import TRANSFORMS

COLOURS = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
# Alike in all places, so that decoders and JPEG change little.
SMOOTH = cv2.resize(COLOURS[:3, :5], (40, 24))
LEVELS = np.arange(24 * 40, dtype=np.uint16).reshape(24, 40) * 68
STEP = dict(type='lm4ve_mm.LoadAnyImage')


def encoded(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def turned(form='JPEG', image=None, orientation=6):
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(image or Image.fromarray(SMOOTH), form, exif=exif)


def with_alpha(mode):
    image = Image.fromarray(COLOURS).convert(mode)
    image.putalpha(Image.fromarray(COLOURS[..., 0]))
    return image


RGB = Image.fromarray(COLOURS)
KINDS = dict(
    plain=(encoded(RGB, 'PNG'), ()),
    jpeg=(encoded(Image.fromarray(SMOOTH), 'JPEG'), ()),
    grey=(encoded(RGB.convert('L'), 'PNG'), ('grey', )),
    bilevel=(encoded(RGB.convert('1'), 'PNG'), ('grey', )),
    cmyk=(encoded(Image.fromarray(SMOOTH).convert('CMYK'), 'JPEG'),
          ('cmyk', )),
    deep=(encoded(Image.fromarray(LEVELS), 'PNG'), ('grey', 'deep')),
    deep_tiff=(encoded(Image.fromarray(LEVELS), 'TIFF'), ('grey', 'deep')),
    turned=(turned(), ('turned', )),
    mirrored=(turned(orientation=2), ('turned', )),
    alpha=(encoded(with_alpha('RGB'), 'PNG'), ('transparent', )),
    grey_alpha=(encoded(with_alpha('L'), 'PNG'), ('grey', 'transparent')),
    palette=(encoded(RGB.quantize(16), 'PNG'), ('palette', )),
    palette_alpha=(encoded(RGB.quantize(16), 'PNG', transparency=3),
                   ('transparent', 'palette')),
    webp=(encoded(RGB, 'WEBP', lossless=True), ()),
    frames=(encoded(RGB.quantize(16), 'GIF', save_all=True,
                    append_images=[RGB.rotate(180).quantize(16)]),
            ('palette', 'frames')))

# The decoders round differently, and convert CMYK by different formulas.
MAY_DIFFER = dict(jpeg=3, turned=3, mirrored=3, cmyk=40)


def load(path):
    return TRANSFORMS.build(STEP)(dict(img_path=str(path)))


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_is_read_as_the_inferencers_read_it(kind, tmp_path):
    """MMPretrain's inferencers read by OpenCV."""
    content, _ = KINDS[kind]
    path = tmp_path / 'image'
    path.write_bytes(content)
    found = load(path)
    image = found['img']
    wanted = imfrombytes(content)
    assert image.dtype == np.uint8 and image.flags.c_contiguous
    assert image.shape == wanted.shape == (*found['img_shape'], 3)
    assert image.std() > 20
    difference = np.abs(image.astype(int) - wanted)
    assert difference.max() <= MAY_DIFFER.get(kind, 0)


def test_sixteen_bits_keep_their_contrast(tmp_path):
    """Pillow alone would make everything above 255 white."""
    path = tmp_path / 'image.png'
    path.write_bytes(KINDS['deep'][0])
    assert np.array_equal(load(path)['img'][..., 1], LEVELS >> 8)


def test_sixteen_bits_are_turned_too(tmp_path):
    path = tmp_path / 'image.tif'
    path.write_bytes(turned('TIFF', Image.fromarray(LEVELS)))
    assert np.array_equal(load(path)['img'][..., 0],
                          np.rot90(LEVELS >> 8, -1))


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_special_is_known_from_the_header(kind):
    content, special = KINDS[kind]
    with Image.open(io.BytesIO(content)) as image:
        assert header_of(image).kinds == special
        assert not header_of(image).refused


@pytest.mark.parametrize('content, words', [
    (b'', 'cannot decode .*image.jpg: it is empty'),
    (b'no image', 'cannot decode .*image.jpg'),
    (KINDS['jpeg'][0][:-200], 'cannot decode .*image.jpg.*truncated'),
    (KINDS['plain'][0][:-900], 'cannot decode .*image.jpg'),
    (encoded(Image.fromarray(np.ones((4, 4), np.float32)), 'TIFF'),
     'cannot use .*image.jpg: it has floating-point numbers'),
    (encoded(Image.fromarray(np.ones((4, 4), np.int32)), 'TIFF'),
     'cannot use .*image.jpg: it has 32 bits a pixel'),
], ids=['empty', 'text', 'cut_jpeg', 'cut_png', 'floats', 'int32'])
def test_what_cannot_be_used_is_named(content, words, tmp_path):
    path = tmp_path / 'image.jpg'
    path.write_bytes(content)
    with pytest.raises(OSError, match=words):
        load(path)


def test_a_missing_image_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.jpg'):
        load(tmp_path / 'gone.jpg')


def test_an_image_that_is_there_stays():
    given = dict(img=COLOURS, img_shape=(24, 40))
    assert TRANSFORMS.build(STEP)(given)['img'] is COLOURS
