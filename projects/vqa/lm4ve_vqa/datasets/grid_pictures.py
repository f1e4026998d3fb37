"""Pictures of four coloured digits, each written by hand by someone else."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image

from lm4ve_mm.image.datasets.digits import Digits

PLACES = ('top left', 'top right', 'bottom left', 'bottom right')
COLOURS = dict(red=(1., .15, .15), green=(.1, .9, .2), blue=(.3, .4, 1.),
               yellow=(1., .9, .1))
# Pixels of a digit as it is bundled, and how often each is repeated.
SIDE = 8
ENLARGED = 4


class Picture(NamedTuple):
    """What is in a picture, in the order of :data:`PLACES`.

    Attributes:
        digits: Four values.
        colours: Their colours.
    """

    digits: tuple[int, ...]
    colours: tuple[str, ...]

    def named(self) -> list[str]:
        """Such as ``'red 7'``."""
        return [f'{colour} {digit}'
                for colour, digit in zip(self.colours, self.digits)]

    def once(self) -> list[int]:
        """Places of the digits that are there only once."""
        return [place for place, digit in enumerate(self.digits)
                if self.digits.count(digit) == 1]


def distinct_pictures(rng: Generator) -> Iterator[Picture]:
    """Draw contents without end, none of them twice."""
    names, seen = list(COLOURS), set()
    while True:
        picture = Picture(
            tuple(rng.integers(0, 10, len(PLACES)).tolist()),
            tuple(names[i] for i in rng.integers(0, len(names), len(PLACES))))
        if picture not in seen:
            seen.add(picture)
            yield picture


class Handwriting:
    """The digits of one split of :class:`lm4ve_mm.image.datasets.Digits`.

    Args:
        split: ``'train'`` or ``'test'``: no digit is in both.
    """

    def __init__(self, split: str) -> None:
        items = Digits(split, pipeline=[], lazy_init=True).load_data_list()
        self._by_value = [
            [item['img'][..., 0] for item in items
             if item['gt_label'] == value] for value in range(10)]

    def draw(self, picture: Picture, rng: Generator) -> Image.Image:
        """Draw a picture (64x64) with randomly chosen handwriting."""
        side = SIDE * ENLARGED
        canvas = np.zeros((2 * side, 2 * side, 3), np.uint8)
        for place, (digit, colour) in enumerate(zip(*picture)):
            choices = self._by_value[digit]
            grey = choices[rng.integers(len(choices))]
            large = grey.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
            top, left = divmod(place, 2)
            canvas[top * side:(top + 1) * side,
                   left * side:(left + 1) * side] = (
                       large[..., None] * np.array(COLOURS[colour]))
        return Image.fromarray(canvas)


def save(image: Image.Image, path: Path) -> None:
    """Write a picture as JPEG, its colours as fine as its shapes."""
    image.save(path, quality=95, subsampling=0)
