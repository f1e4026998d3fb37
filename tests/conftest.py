"""Small stand-ins for the files that real runs need."""

import functools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from lm4ve_mm import plugin  # noqa: F401  (registers everything)


@pytest.fixture(autouse=True, scope='session')
def _digits_are_read_once():
    """From their text file, which takes longer than to train on a few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('sklearn.datasets.load_digits',
                      functools.cache(load_digits))
        yield


@pytest.fixture(scope='session')
def tiny_imagenet(tmp_path_factory) -> Path:
    """A folder in ImageNet's layout: 8 training and 4 validation images.

    The labels are in ``meta/{train,val}.txt``, which spares the thousand
    class folders. Images are noise, 40x48 or 48x40 pixels.
    """
    root = tmp_path_factory.mktemp('imagenet')
    rng = np.random.default_rng(0)
    (root / 'meta').mkdir()
    for split, count in (('train', 8), ('val', 4)):
        (root / split).mkdir()
        lines = []
        for i in range(count):
            shape = (40, 48, 3) if i % 2 else (48, 40, 3)
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(root / split / f'{i}.JPEG')
            lines.append(f'{i}.JPEG {rng.integers(1000)}')
        (root / 'meta' / f'{split}.txt').write_text('\n'.join(lines))
    return root


@pytest.fixture(scope='session')
def tiny_videos(tmp_path_factory) -> Path:
    """A folder in SSv2's layout: 4 training and 2 validation videos.

    Each has 70 frames of 64x48 pixels, a grey that rises; labels 0 to 5.
    """
    from lm4ve_mm.video.files.annotations import Clip, write_list
    from lm4ve_mm.video.files.encoding import write_mp4
    root = tmp_path_factory.mktemp('ssv2')
    (root / 'videos').mkdir()
    clips = [Clip(f'{i}.mp4', i) for i in range(6)]
    for clip in clips:
        write_mp4(root / 'videos' / clip.name,
                  (np.full((48, 64, 3), 20 + 3 * i + 4 * clip.label, np.uint8)
                   for i in range(70)))
    write_list(root / 'train.csv', clips[:4])
    write_list(root / 'val.csv', clips[4:])
    return root
