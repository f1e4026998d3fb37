"""Images, pixel for pixel as METER's transforms give them."""

import hashlib
import random

import numpy as np
import pytest
from lm4ve_vqa.datasets.photos import LoadPhoto, ResizeCrop
from lm4ve_vqa.datasets.rand_augment import OPERATIONS, RandAugmentPhoto
from PIL import Image

from lm4ve_mm.utils.errors import DataError

# sha256 of the pixels at magnitude 9; with a sign, kept and negated.
CHANGED = {
    'AutoContrast': '517c317b23105ee8', 'Equalize': '03182e2717a075f8',
    'Rotate+': 'e1f64b25683424f3', 'Rotate-': '799c4f01a3917e27',
    'Posterize': '065ac03e8c68264b', 'Solarize': '37b32c43685fb1b2',
    'SolarizeAdd': '5bf4334df50f9e96', 'Color': '061224aa61b70af1',
    'Contrast': '3b4ecb87bdb8d232', 'Brightness': '15f59b514f71efc3',
    'Sharpness': '88e1bf4cca27bc21', 'ShearX+': '4394bf4ecb21da35',
    'ShearX-': 'eb39a63621fdea27', 'ShearY+': 'dc5a0a0a5c2773c2',
    'ShearY-': 'fcc28f248f317708', 'TranslateXabs+': '5f55ef0ff0cbbce5',
    'TranslateXabs-': '6d179775cee426ce',
    'TranslateYabs+': '2d66df50b2053d0b',
    'TranslateYabs-': 'a29d4cef0f543ddc',
}
SEEDS = ('ef425e89c54b', '540b8324a733', 'e4331b4b5dff', '3150300987f2',
         '15d97dbbc9c8', '93aa2f5f5425')
MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
# Rows, columns, size -> first value, sum and sum of squares, normalised.
CROPPED = (
    (40, 60, 32, -1.3397113085, 676.09386779, 2749.8123806),
    (40, 60, 24, -1.3105144501, 380.56615516, 1424.4953485),
    (40, 60, 48, -1.3543097973, 1518.6410094, 6527.5371471),
    (60, 40, 32, -1.0477428436, 619.54997324, 2807.9115548),
    (33, 97, 32, -0.39081355929, 649.70581536, 3166.9691999),
    (100, 31, 32, 0.76246213913, 30.281213991, 3041.2197873),
)


def picture(rows=40, columns=60):
    y, x = np.mgrid[:rows, :columns]
    return Image.fromarray(np.stack([
        (3 * x + 5 * y) % 256, (x * y + 40) % 256,
        (7 * x + y**2 // 3 + 11) % 200 + 20], -1).astype(np.uint8))


def digest(image):
    return hashlib.sha256(np.array(image).tobytes()).hexdigest()


def evaluated(image, size, *steps):
    results = LoadPhoto().transform(dict(img=image))
    for step in (*steps, ResizeCrop(size)):
        results = step.transform(results)
    return results['img']


def test_picture():
    assert digest(picture()).startswith('30d0bf0b58422cbc')


@pytest.mark.parametrize('operation', OPERATIONS, ids=lambda o: o.name)
def test_operations(operation):
    value = operation.value(9)
    signs = {'+': value, '-': -value} if operation.signed else {'': value}
    for sign, signed in signs.items():
        found = digest(operation.apply(picture(), signed))
        assert found.startswith(CHANGED[operation.name + sign])


@pytest.mark.parametrize('seed, wanted', list(enumerate(SEEDS)))
def test_draws(seed, wanted):
    """Operations and signs are drawn from Python's generator in turn."""
    random.seed(seed)
    assert digest(RandAugmentPhoto().augment(picture())).startswith(wanted)


@pytest.mark.parametrize('rows, columns, size, first, total, squares',
                         CROPPED)
def test_crops(rows, columns, size, first, total, squares):
    pixels = evaluated(picture(rows, columns), size)
    values = (pixels / 255 - MEAN) / STD
    assert values[0, 0, 0] == pytest.approx(first, abs=1e-6)
    assert values.sum() == pytest.approx(total, abs=2e-3)
    assert (values**2).sum() == pytest.approx(squares, abs=2e-3)


def test_sixty_sizes():
    """Check 10: the shorter edge to the size, rounded as torchvision does,
    and the middle of it, by Pillow alone."""
    draw = random.Random(0)
    for _ in range(60):
        width, height = draw.randint(20, 90), draw.randint(20, 90)
        size, image = draw.choice((16, 24, 33)), picture(height, width)
        short = min(width, height)
        wide, high = (size if edge == short else size * edge // short
                      for edge in (width, height))
        left, top = round((wide - size) / 2), round((high - size) / 2)
        wanted = image.resize((wide, high), Image.BICUBIC).crop(
            (left, top, left + size, top + size))
        assert np.array_equal(evaluated(image, size), wanted)


def test_training():
    """The whole of ``clip_randaug``: changed first, resized afterwards."""
    random.seed(0)
    values = (evaluated(picture(), 32, RandAugmentPhoto()) / 255
              - MEAN) / STD
    assert values.sum() == pytest.approx(281.2412888, abs=2e-3)
    assert (values**2).sum() == pytest.approx(3175.4150598, abs=2e-3)


def test_transparency_as_in_meter():
    """An image is resized as RGBA, and only then loses its alpha."""
    pixels = np.array(picture().convert('RGBA'))
    opaque = Image.fromarray(pixels)
    assert digest(evaluated(opaque, 32)) == digest(evaluated(picture(), 32))
    pixels[:20, :, 3] = 0
    seen = Image.fromarray(pixels)
    wanted = seen.resize((48, 32), Image.BICUBIC).crop(
        (8, 0, 40, 32)).convert('RGB')
    assert digest(evaluated(seen, 32)) == digest(wanted)
    assert digest(evaluated(seen, 32)) != digest(
        evaluated(seen.convert('RGB'), 32))


@pytest.mark.parametrize('mode, options', [
    ('L', {}), ('CMYK', {}), ('RGB', {}), ('1', {})])
def test_every_mode(cases, tmp_path, mode, options):
    """Grey and CMYK files become RGB; an array is taken as RGB."""
    suffix = 'png' if mode == '1' else 'jpg'
    path = cases.save_photo(tmp_path / f'a.{suffix}', mode=mode, **options)
    found = LoadPhoto().transform(dict(img_path=str(path)))
    assert found['img'].mode == 'RGB' and found['ori_shape'] == (40, 60)
    with Image.open(path) as image:
        assert digest(found['img']) == digest(image.convert('RGB'))
    array = np.array(found['img'])
    assert digest(LoadPhoto().transform(dict(img=array))['img']) == (
        digest(array))


def test_not_turned(tmp_path):
    """EXIF data do not turn an image, as in METER."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture().save(tmp_path / 'turned.jpg', exif=exif)
    found = LoadPhoto().transform(
        dict(img_path=str(tmp_path / 'turned.jpg')))
    assert found['img'].size == (60, 40)


def test_damaged(cases, tmp_path):
    path = cases.save_photo(tmp_path / 'cut.jpg')
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(DataError, match=r'cannot decode .*cut\.jpg'):
        LoadPhoto().transform(dict(img_path=str(path)))
    (tmp_path / 'empty.jpg').touch()
    with pytest.raises(DataError, match=r'empty\.jpg'):
        LoadPhoto().transform(dict(img_path=str(tmp_path / 'empty.jpg')))
    with pytest.raises(FileNotFoundError):
        LoadPhoto().transform(dict(img_path=str(tmp_path / 'no.jpg')))
