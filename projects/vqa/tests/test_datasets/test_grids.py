"""Generated pictures and questions: true, repeatable, without leaks."""

import json

import numpy as np
import pytest
from lm4ve_vqa.datasets import DigitsRetrieval, DigitsVQA, read_answers
from lm4ve_vqa.datasets.grid_pictures import (
    COLOURS,
    PLACES,
    Handwriting,
    Picture,
    distinct_pictures,
)
from lm4ve_vqa.datasets.grid_questions import ask, captions, ten_answers
from lm4ve_vqa.datasets.normalise import normalise_official
from numpy.random import default_rng
from PIL import Image

from lm4ve_mm.utils.errors import ConfigError, DataError

SMALL = dict(train=12, val=6, gallery=4, min_count=1)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    at = tmp_path_factory.mktemp('generated') / 'digits'
    DigitsVQA('train', data_root=str(at), **SMALL)
    return at


def test_files(root):
    """The names and keys of VQAv2; ids that no split shares."""
    train = DigitsVQA('train', data_root=str(root), **SMALL)
    val = DigitsVQA('val', data_root=str(root), test_mode=True, **SMALL)
    assert 6 * 12 <= len(train) <= 7 * 12 and 6 * 6 <= len(val) <= 7 * 6
    info = train.get_data_info(0)
    assert info['img_path'].endswith(
        'train2014/COCO_train2014_000000000001.jpg')
    with Image.open(info['img_path']) as image:
        assert image.size == (64, 64) and image.format == 'JPEG'
    ids = [{data.get_data_info(i)['image_id'] for i in range(len(data))}
           for data in (train, val)]
    assert ids == [set(range(1, 13)), set(range(13, 19))]
    assert set(read_answers(root / 'answers.json')) == set(
        train.metainfo['answers'])


def test_repeatable(root, tmp_path):
    DigitsVQA('val', data_root=str(tmp_path / 'b'), test_mode=True, **SMALL)
    for path in sorted(root.rglob('*')):
        if path.is_file():
            again = tmp_path / 'b' / path.relative_to(root)
            assert path.read_bytes() == again.read_bytes(), path
    with pytest.raises(DataError, match='remove it, or give another'):
        DigitsVQA('train', data_root=str(root), **dict(SMALL, seed=1))


def test_answers_are_true():
    """Each question is read back and answered from the picture."""
    rng, texts = default_rng(0), set()
    for _, picture in zip(range(300), distinct_pictures(rng)):
        colours = dict(zip(PLACES, picture.colours))
        digits = dict(zip(PLACES, picture.digits))
        for one in ask(picture, rng):
            texts.add(one.text)
            place = next((p for p in PLACES if p in one.text), None)
            digit = next((int(c) for c in one.text if c.isdigit()), None)
            colour = next((c for c in COLOURS if c in one.text), None)
            wanted = {
                'is there a': 'yes' if digit in picture.digits else 'no',
                'is the': 'yes' if colours.get(place) == colour else 'no',
                'how many': str(picture.colours.count(colour)),
                'which': str(digits.get(place)),
                'what color is the': (
                    colours[place] if place else picture.colours[
                        picture.digits.index(digit)]
                    if digit in picture.digits else None),
                'where is the': (PLACES[picture.digits.index(digit)]
                                 if digit in picture.digits else None),
            }[one.start]
            assert one.answer == wanted, one
            if one.start == 'where is the':
                assert picture.digits.count(digit) == 1
            assert one.answer in one.others
    assert len(texts) == 58


def test_ten_answers():
    """Most are right; some disagree, some write words."""
    rng, agree, words = default_rng(1), 0, 0
    for _, picture in zip(range(200), distinct_pictures(rng)):
        for one in ask(picture, rng):
            given = ten_answers(one, rng)
            assert len(given) == 10
            normal = [normalise_official(answer) for answer in given]
            assert normal.count(one.answer) >= 8
            assert given.count(one.answer) >= 6
            agree += len(set(given)) == 1
            words += normal != given
    assert .4 < agree / 1400 < .7 and words > 30


def test_no_digit_is_in_both():
    """Of the handwriting, and no content twice."""
    drawn = {split: {digit.tobytes() for value in Handwriting(split)._by_value
                     for digit in value} for split in ('train', 'test')}
    assert not drawn['train'] & drawn['test']
    contents = [p for _, p in zip(range(2000), distinct_pictures(
        default_rng(0)))]
    assert len(set(contents)) == 2000


def test_picture_shows_its_content():
    picture = Picture((1, 1, 1, 1), ('red', 'green', 'blue', 'yellow'))
    pixels = np.array(Handwriting('train').draw(picture, default_rng(0)))
    quarters = [pixels[:32, :32], pixels[:32, 32:], pixels[32:, :32],
                pixels[32:, 32:]]
    for quarter, colour in zip(quarters, picture.colours):
        brightest = quarter.reshape(-1, 3)[quarter.sum(2).argmax()]
        wanted = np.array(COLOURS[colour]) * 255
        assert np.abs(brightest - wanted).max() < 2


def test_captions(root):
    """Karpathy's layout; the gallery is the first pictures of val."""
    data = {split: DigitsRetrieval(split, data_root=str(root),
                                   test_mode=True, **SMALL)
            for split in ('train', 'val', 'test')}
    assert [len(one) for one in data.values()] == [12, 2, 4]
    texts = [tuple(data['test'].get_data_info(i)['texts']) for i in range(4)]
    assert len(set(texts)) == 4 and all(len(one) == 3 for one in texts)
    assert captions(Picture((1, 2, 3, 4), ('red', 'blue', 'red', 'green')))[
        0] == 'A red 1 and a blue 2 above a red 3 and a green 4.'
    held = json.loads((root / 'dataset_digits.json').read_text())
    assert held['images'][0]['sentences'][0]['tokens'][0] == 'a'


def test_bad_settings(tmp_path):
    with pytest.raises(ConfigError, match='gallery=9 pictures out of val=6'):
        DigitsVQA('train', data_root=str(tmp_path / 'a'),
                  **dict(SMALL, gallery=9))
    with pytest.raises(ConfigError, match='train=0'):
        DigitsVQA('train', data_root=str(tmp_path / 'a'),
                  **dict(SMALL, train=0))
    with pytest.raises(ConfigError, match="no split 'test'"):
        DigitsVQA('test', data_root=str(tmp_path / 'a'))
