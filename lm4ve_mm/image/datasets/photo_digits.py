"""Handwritten digits pasted on photographs, with exact masks."""

from functools import cache

import cv2
import numpy as np
from mmpretrain.datasets import BaseDataset

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError

from .digits import read_digits
from .masks import Masks

# Columns of the photographs that a split cuts its backgrounds from.
PARTS = dict(train=(0., .7), test=(.7, 1.))
# Side of a background before it is drawn down, in pixels of the photograph.
CROPS = (96, 180)
DIM = .5  # brightness of the photographs under the ink
INK = .5  # a pixel is foreground where at least so much of it is ink


@DATASETS.register_module()
class PhotoDigits(BaseDataset):
    """scikit-learn's digits on pieces of its two photographs.

    Both are real and come with the package, so that nothing is downloaded:
    the 1,797 digits as :class:`Digits` splits them, and the photographs of a
    temple and of a flower. Backgrounds of the test are cut from parts that
    training does not see. The size, the place and the grey of the ink are
    drawn at random; the pixels that it covers are known, and with them which
    tokens are foreground: ``mask`` of a record.

    Args:
        split (str): ``'train'`` or ``'test'``.
        size (int): Side of an image.
        digit (tuple[int, int]): Smallest and largest side of a digit.
        step (int): Places of digits are multiples of this. With that of the
            model's patches a small model learns several times faster.
        repeat (int): How many images are made of each digit, each with a
            place and a background of its own.
        group (str, optional): Name of the set, by which
            :class:`lm4ve_mm.RobustnessMetric` counts.
        **kwargs: Passed to :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ConfigError: If the split is unknown, or a digit does not fit.
        ImportError: If scikit-learn is not installed.
    """

    METAINFO = dict(classes=tuple(str(digit) for digit in range(10)))

    def __init__(self, split: str, size: int = 64,
                 digit: tuple[int, int] = (48, 48), step: int = 8,
                 repeat: int = 1, group: str | None = None,
                 **kwargs) -> None:
        if split not in PARTS:
            raise ConfigError(f'split={split!r}: PhotoDigits has '
                              f'{" and ".join(PARTS)}')
        if not 8 <= digit[0] <= digit[1] <= size:
            raise ConfigError(f'digit={digit}: sides of 8 to {size} pixels, '
                              'the smallest first')
        self.split, self.size, self.digit = split, size, digit
        self.step, self.repeat, self.group = step, repeat, group
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Make the images: ``img`` (S, S, 3) uint8 BGR, ``mask`` (S, S)."""
        levels, labels, places = read_digits(self.split)
        photographs = _photographs(self.split)
        records = []
        for turn in range(self.repeat):
            for level, label, place in zip(levels, labels, places):
                rng = np.random.default_rng((int(place), turn))
                image, mask = self._paste(
                    level, photographs[rng.integers(len(photographs))], rng)
                records.append(dict(
                    img=image, mask=mask, img_shape=image.shape[:2],
                    ori_shape=image.shape[:2], gt_label=int(label),
                    sample_idx=len(records), group=self.group))
        return records

    def masks(self, record: dict) -> Masks:
        """The ink of a record; nothing is ignored."""
        ink = record['mask'].astype(bool)
        return Masks(ink, np.zeros_like(ink))

    def _paste(self, level: np.ndarray, photograph: np.ndarray,
               rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One image and the pixels of its ink."""
        side = int(rng.integers(*CROPS))
        top, left = (int(rng.integers(length - side + 1))
                     for length in photograph.shape[:2])
        image = cv2.resize(
            photograph[top:top + side, left:left + side],
            (self.size, self.size), interpolation=cv2.INTER_AREA)
        side = int(rng.integers(self.digit[0], self.digit[1] + 1))
        drawn = cv2.resize(level, (side, side),
                           interpolation=cv2.INTER_CUBIC).clip(0, 1)
        top, left = self.step * rng.integers(
            0, (self.size - side) // self.step + 1, 2)
        ink = np.zeros((self.size, self.size), np.float32)
        ink[top:top + side, left:left + side] = drawn
        grey = rng.uniform(220, 255)
        mixed = DIM * image * (1 - ink[..., None]) + grey * ink[..., None]
        return mixed.round().astype(np.uint8), (ink >= INK).astype(np.uint8)


@cache
def _photographs(split: str) -> list[np.ndarray]:
    """The part of each photograph that a split may see, BGR."""
    from sklearn.datasets import load_sample_images
    start, stop = PARTS[split]
    return [np.ascontiguousarray(
        photo[:, int(start * photo.shape[1]):int(stop * photo.shape[1]), ::-1])
        for photo in load_sample_images().images]
