"""Shapes on photographs: the pictures, and the masks that name them."""

import numpy as np
import pytest
from numpy.random import default_rng

from lm4ve_mm.utils.install import how_to_install, is_installed

if not (is_installed('mmseg') or is_installed('mmdet')):
    pytest.skip('MMSegmentation and MMDetection are not installed: '
                f'{how_to_install("dense")}', allow_module_level=True)

from lm4ve_mm.dense.scenes import (  # noqa: E402  (after the skip)
    CLASSES,
    PALETTE,
    TINTS,
    backdrops,
    outline,
    photographs,
    render,
)


def test_the_splits_share_no_pixel_of_a_photograph():
    # Each pixel its own number.
    images = [np.arange(12 * 30).reshape(12, 30, 1).repeat(3, 2)]
    [train], [val] = (backdrops(images, split) for split in ('train', 'val'))
    assert train.shape == (12, 20, 3) and val.shape == (12, 10, 3)
    assert not np.intersect1d(train, val).size


def test_photographs_are_as_wide_as_the_data_set_says():
    assert [part.shape for part in backdrops(photographs(), 'val')] == [
        (427, 214, 3)] * 2


@pytest.mark.parametrize('name', CLASSES[1:])
def test_outlines_are_of_alike_area(name):
    """By the shoelace formula."""
    x, y = outline(name, default_rng(0)).T
    area = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    assert 1.8 < area < 2.2


def test_a_mask_names_the_pixels_that_changed():
    """Without noise, on a flat grey: what is named has its class's tint."""
    grey = [np.full((64, 64, 3), 128, np.uint8)]
    seen = {name: [] for name in TINTS}
    for seed in range(60):
        image, mask = render(grey, default_rng(seed), 64, 0)
        assert image.dtype == mask.dtype == np.uint8
        assert ((image != 128).any(2) == (mask > 0)).all()
        for name in TINTS:
            pixels = image[mask == CLASSES.index(name)].astype(int) - 128
            seen[name] += [pixels.mean(0)] if len(pixels) else []
    for name, tint in TINTS.items():
        assert len(seen[name]) > 20
        # Shapes overlap and colours are cut at 0 and 255.
        np.testing.assert_allclose(np.mean(seen[name], 0), tint, atol=30)


def test_the_generator_decides():
    grey = [np.full((40, 40, 3), 128, np.uint8)]
    one, same, other = (render(grey, default_rng(seed), 32, 5.)[0]
                        for seed in (0, 0, 1))
    assert (one == same).all() and (one != other).any()
    assert len(PALETTE) == len(CLASSES)
