"""The random augmentation of METER's training images."""

import random
from collections.abc import Callable
from typing import NamedTuple

from mmcv.transforms import BaseTransform
from PIL import Image, ImageEnhance, ImageOps

from lm4ve_mm.registry import TRANSFORMS

# Magnitudes run from 0 to it.
LARGEST = 30
Image_ = Image.Image


class Operation(NamedTuple):
    """One kind of change.

    Attributes:
        name: As it is called in the reference.
        low, high: Values at magnitude 0 and 30.
        apply: Image and value -> image.
        signed: Whether the value is negated half of the time.
    """

    name: str
    low: float
    high: float
    apply: Callable[[Image_, float], Image_]
    signed: bool = False

    def value(self, magnitude: float) -> float:
        """The value at a magnitude."""
        return magnitude / LARGEST * (self.high - self.low) + self.low


def _affine(image: Image_, *matrix: float) -> Image_:
    return image.transform(image.size, Image.AFFINE, matrix)


def _posterise(image: Image_, bits: float) -> Image_:
    return ImageOps.posterize(image, max(1, int(bits)))


def _solarise_add(image: Image_, value: float) -> Image_:
    lighter = image.point([min(255, int(level + value))
                           for level in range(256)] * len(image.getbands()))
    return ImageOps.solarize(lighter, 128)


def _enhance(kind: type) -> Callable[[Image_, float], Image_]:
    return lambda image, factor: kind(image).enhance(factor)


OPERATIONS = (
    Operation('AutoContrast', 0, 1, lambda i, v: ImageOps.autocontrast(i)),
    Operation('Equalize', 0, 1, lambda i, v: ImageOps.equalize(i)),
    Operation('Rotate', 0, 30, lambda i, v: i.rotate(v), True),
    Operation('Posterize', 0, 4, _posterise),
    Operation('Solarize', 0, 256, ImageOps.solarize),
    Operation('SolarizeAdd', 0, 110, _solarise_add),
    Operation('Color', .1, 1.9, _enhance(ImageEnhance.Color)),
    Operation('Contrast', .1, 1.9, _enhance(ImageEnhance.Contrast)),
    Operation('Brightness', .1, 1.9, _enhance(ImageEnhance.Brightness)),
    Operation('Sharpness', .1, 1.9, _enhance(ImageEnhance.Sharpness)),
    Operation('ShearX', 0, .3, lambda i, v: _affine(i, 1, v, 0, 0, 1, 0),
              True),
    Operation('ShearY', 0, .3, lambda i, v: _affine(i, 1, 0, 0, v, 1, 0),
              True),
    Operation('TranslateXabs', 0, 100,
              lambda i, v: _affine(i, 1, 0, v, 0, 1, 0), True),
    Operation('TranslateYabs', 0, 100,
              lambda i, v: _affine(i, 1, 0, 0, 0, 1, v), True),
)


@TRANSFORMS.register_module()
class RandAugmentPhoto(BaseTransform):
    """Changes an image before it is resized, as METER's ``clip_randaug``.

    Nothing is flipped, since questions name left and right. Translations are
    30 pixels of the image as it is, however small. The draws are those of
    Python's generator.

    Args:
        num_ops: How many operations, drawn with replacement.
        magnitude: 0 to 30.
    """

    def __init__(self, num_ops: int = 2, magnitude: float = 9) -> None:
        self.num_ops = num_ops
        self.magnitude = magnitude

    def transform(self, results: dict) -> dict:
        """Change ``img``, a ``PIL.Image``; it loses its transparency."""
        results['img'] = self.augment(results['img'].convert('RGB'))
        return results

    def augment(self, image: Image_) -> Image_:
        """Apply randomly drawn operations."""
        for operation in random.choices(OPERATIONS, k=self.num_ops):
            value = operation.value(self.magnitude)
            if operation.signed and random.random() > .5:
                value = -value
            image = operation.apply(image, value)
        return image

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(num_ops={self.num_ops}, '
                f'magnitude={self.magnitude})')
