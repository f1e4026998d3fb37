"""Toy data for segmentation and detection, and who can read it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lm4ve_mm.utils.install import how_to_install, is_installed


@pytest.fixture(scope='session')
def need():
    """Skips a test for which a toolbox is not installed."""

    def check(*toolboxes: str) -> None:
        absent = [name for name in toolboxes if not is_installed(name)]
        if absent:
            pytest.skip(f'{", ".join(absent)} not installed: '
                        f'{how_to_install("dense")}')

    return check


def write_image(path: Path, rng: np.random.Generator, shape: tuple) -> None:
    """Noise, as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rng.integers(0, 256, shape, np.uint8))


@pytest.fixture(scope='session')
def tiny_ade20k(tmp_path_factory) -> Path:
    """A folder in ADE20K's layout: four images and masks of each split."""
    root = tmp_path_factory.mktemp('ade20k')
    rng = np.random.default_rng(0)
    for split in ('training', 'validation'):
        for i in range(4):
            write_image(root / f'images/{split}/{i}.jpg', rng, (48, 64, 3))
            mask = root / f'annotations/{split}/{i}.png'
            mask.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(mask), np.full((48, 64), 3 + i % 2, np.uint8))
    return root


@pytest.fixture(scope='session')
def tiny_coco(tmp_path_factory) -> Path:
    """A folder in COCO's layout: four images of each split, a box in each."""
    root = tmp_path_factory.mktemp('coco')
    rng = np.random.default_rng(0)
    # Two of its 80 classes, with COCO's numbers.
    classes = [dict(id=1, name='person'), dict(id=3, name='car')]
    (root / 'annotations').mkdir()
    for split in ('train2017', 'val2017'):
        images, boxes = [], []
        for i in range(4):
            write_image(root / f'{split}/{i}.jpg', rng, (64, 96, 3))
            images.append(dict(id=i, file_name=f'{i}.jpg', height=64,
                               width=96))
            boxes.append(dict(id=i + 1, image_id=i, iscrowd=0, area=1200.,
                              category_id=classes[i % 2]['id'],
                              bbox=[10 + i, 8, 40, 30]))
        (root / f'annotations/instances_{split}.json').write_text(json.dumps(
            dict(images=images, annotations=boxes, categories=classes)))
    return root
