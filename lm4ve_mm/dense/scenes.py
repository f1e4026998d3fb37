"""Shapes on photographs, as arrays, with a mask that names each pixel."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

CLASSES = ('background', 'disc', 'square', 'triangle', 'star')
PALETTE = ([0, 0, 0], [230, 80, 60], [70, 140, 230], [90, 190, 90],
           [240, 200, 60])
# What a shape adds to the blue, green and red of the photograph.
TINTS = dict(disc=(-50, -50, 80), square=(80, -50, -50),
             triangle=(-50, 80, -50), star=(-70, 50, 50))
_TINT_SPREAD = 25.
# Sizes of equal area: what a shape is cannot be told from how large it is.
_RADII = dict(disc=.8, square=1., triangle=1.25, star=1.2)
_DISC_CORNERS = 32
_HOLLOW = .5  # how far inside a star's inner corners are


def photographs() -> list[np.ndarray]:
    """The two of scikit-learn (427, 640, 3), BGR."""
    from sklearn.datasets import load_sample_images
    return [image[..., ::-1] for image in load_sample_images().images]


def backdrops(images: Sequence[np.ndarray], split: str) -> list[np.ndarray]:
    """What a split takes its backgrounds from; no pixel is in both.

    Args:
        images: Photographs (H, W, 3).
        split: ``'train'``: their left two thirds; ``'val'``: the rest.
    """
    cuts = [image.shape[1] * 2 // 3 for image in images]
    return [image[:, :cut] if split == 'train' else image[:, cut:]
            for image, cut in zip(images, cuts, strict=True)]


def outline(name: str, rng: Generator) -> np.ndarray:
    """Corners of a shape around the origin, turned at random.

    Args:
        name: One of :data:`CLASSES`, but for the background.
        rng: The random generator.

    Returns:
        ndarray: (corners, 2), of radius about 1.
    """
    corners = dict(disc=_DISC_CORNERS, square=4, triangle=3, star=10)[name]
    angles = (np.arange(corners) / corners + rng.random()) * 2 * np.pi
    radii = np.full(corners, _RADII[name])
    if name == 'star':
        radii[1::2] *= _HOLLOW
    return np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None]


def render(pictures: Sequence[np.ndarray], rng: Generator, size: int,
           noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw two to four shapes, the later ones in front.

    A shape is the photograph itself under the tint of its class, which varies
    from one shape to the next.

    Args:
        pictures: To cut the background from.
        rng: The random generator.
        size: Side in pixels.
        noise: Standard deviation of the noise, in levels of 0..255.

    Returns:
        tuple: Image (size, size, 3), BGR, and mask (size, size), uint8.
    """
    picture = pictures[rng.integers(len(pictures))]
    top, left = (rng.integers(side - size + 1) for side in picture.shape[:2])
    image = picture[top:top + size, left:left + size].astype(np.float64)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(2, 5)):
        label = int(rng.integers(1, len(CLASSES)))
        place = rng.uniform(.15, .85, 2) * size
        corners = outline(CLASSES[label], rng) * rng.uniform(
            .15, .3) * size + place
        area = np.zeros_like(mask)
        cv2.fillPoly(area, [corners.round().astype(np.int32)], 1)
        image[area > 0] += rng.normal(TINTS[CLASSES[label]], _TINT_SPREAD)
        mask[area > 0] = label
    image += rng.normal(0, noise, image.shape)
    return image.clip(0, 255).astype(np.uint8), mask
