"""Corruptions on the fly: repeatable, and without a trace elsewhere."""

import numpy as np
import pytest

from lm4ve_mm.image.datasets.imagenet_c import CORRUPTIONS
from lm4ve_mm.image.transforms import Corrupt
from lm4ve_mm.utils.errors import ConfigError

imagecorruptions = pytest.importorskip(
    'imagecorruptions', reason='needs the extra [robust]')


def sample(path='a.png', size=40):
    rng = np.random.default_rng(0)
    low = rng.integers(0, 255, (5, 5, 3)).astype(np.uint8)
    return dict(img=np.kron(low, np.ones((8, 8, 1), np.uint8))[:size, :size],
                img_path=path)


# The blur of glass is compiled for seconds in every process.
@pytest.mark.parametrize('name', sorted(
    {*CORRUPTIONS} - {'glass_blur', 'zoom_blur'}))
def test_repeatable_and_apart(name):
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    one = Corrupt(name, 3)(sample())['img']
    assert (np.random.get_state()[1] == state).all()
    assert one.dtype == np.uint8 and one.shape == (40, 40, 3)
    assert (one != sample()['img']).any()
    assert (Corrupt(name, 3)(sample())['img'] == one).all()
    assert (Corrupt(name, 5)(sample())['img'] != one).any()


def test_noise_depends_on_the_image():
    noise = Corrupt('gaussian_noise', 1)
    assert (noise(sample('a'))['img'] != noise(sample('b'))['img']).any()


def test_channels_are_not_exchanged():
    """Brightness of a blue image (BGR) leaves it blue."""
    image = np.zeros((40, 40, 3), np.uint8)
    image[..., 0] = 120
    found = Corrupt('brightness', 1)(dict(img=image, img_path=''))['img']
    assert found[..., 0].mean() > found[..., 2].mean()


def test_bad_input():
    with pytest.raises(ConfigError, match='gaussian_noise, shot_noise'):
        Corrupt('rain', 1)
    with pytest.raises(ConfigError, match='severities 1 to 5'):
        Corrupt('fog', 6)
    with pytest.raises(ValueError, match='16x16 pixels.*resize it first'):
        Corrupt('fog', 1)(sample(size=16))
