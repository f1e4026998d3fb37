"""Which frames are looked at, and augmentations alike for all of them."""

import random

import numpy as np
import pytest
from mmpretrain.datasets.transforms import RandAugment

from lm4ve_mm.registry import TRANSFORMS
from lm4ve_mm.video.datasets import (
    ClipRandAugment,
    ResizeShortSide,
    SampleSegments,
)

M7N4 = dict(policies='timm_increasing', num_policies=4, magnitude_level=7,
            magnitude_std=.5)


def sample(total, start_index=0, **kwargs):
    return SampleSegments(**kwargs)(
        dict(total_frames=total, start_index=start_index))


def test_two_segments_of_a_test():
    """The start and the middle of each sixteenth, worked out by hand."""
    results = sample(40, clip_len=16, num_clips=2, test_mode=True)
    starts = [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30, 32, 35, 37]
    middles = [1, 3, 6, 8, 11, 13, 16, 18, 21, 23, 26, 28, 31, 33, 36, 38]
    assert results['frame_inds'].tolist() == starts + middles
    assert results['frame_inds'].dtype == np.int32
    assert results['num_clips'] == 2 and results['clip_len'] == 16
    one = sample(40, clip_len=16, test_mode=True)
    assert one['frame_inds'].tolist() == starts


@pytest.mark.parametrize('total', [16, 37, 64, 100, 333])
def test_segments_are_upstreams(total):
    """VideoMAE merges and sorts both clips, and takes every second frame."""
    tick = total / 16
    merged = np.sort([int(tick / 2 + tick * x) for x in range(16)]
                     + [int(tick * x) for x in range(16)])
    ours = sample(total, clip_len=16, num_clips=2, test_mode=True)
    assert np.array_equal(ours['frame_inds'].reshape(2, 16),
                          [merged[0::2], merged[1::2]])


def test_training_draws_one_of_each_part():
    np.random.seed(0)
    drawn = np.stack([sample(85, 3, clip_len=16)['frame_inds'] - 3
                      for _ in range(400)])
    # 85 // 16 = 5 frames a part; all of them come, the last five never.
    for i in range(16):
        assert set(drawn[:, i]) == set(range(5 * i, 5 * i + 5))
    assert len(np.unique(drawn, axis=0)) == 400


def test_short_videos_are_stretched():
    for test_mode in (False, True):
        inds = sample(5, clip_len=8, test_mode=test_mode)['frame_inds']
        assert inds.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert sample(1, clip_len=4)['frame_inds'].tolist() == [0] * 4


def test_sampling_without_sense():
    with pytest.raises(ValueError, match='clip_len=0 and num_clips=1'):
        SampleSegments(clip_len=0)
    with pytest.raises(ValueError, match='num_clips=2 is for test_mode=True'):
        SampleSegments(num_clips=2)


def test_one_frame_is_mmpretrains_randaugment(clip):
    """The same draws, the same pixels; channels go around."""
    for seed in range(40):
        np.random.seed(seed)
        ours = ClipRandAugment(**M7N4)(dict(imgs=clip[:1]))['imgs'][0]
        # One by one, since a pipeline of MMPretrain draws in this order too.
        np.random.seed(seed)
        theirs = RandAugment(**M7N4)(
            dict(img=np.ascontiguousarray(clip[0][..., ::-1]),
                 img_shape=(40, 56)))['img'][..., ::-1]
        assert np.array_equal(ours, theirs), seed


def test_all_frames_alike(clip):
    """Three equal frames stay equal, though each draw changes them."""
    augment = ClipRandAugment(**M7N4)
    changed = 0
    for seed in range(60):
        np.random.seed(seed)
        given = [clip[0]] * 3
        frames = augment(dict(imgs=given))['imgs']
        assert np.array_equal(frames[0], frames[1])
        assert np.array_equal(frames[0], frames[2])
        changed += not np.array_equal(frames[0], clip[0])
    # Four operations, each left out with probability 1/2: none in 1/16.
    assert 45 <= changed < 60


def test_alike_in_a_moving_clip_too(clip):
    """Frame by frame it is what the frame alone would have become."""
    augment = ClipRandAugment(**M7N4)
    for seed in range(20):
        np.random.seed(seed)
        together = augment(dict(imgs=clip))['imgs']
        for frame, found in zip(clip, together, strict=True):
            np.random.seed(seed)
            alone = augment(dict(imgs=[frame]))['imgs'][0]
            assert np.array_equal(found, alone)


def test_an_operation_that_comes_twice_is_drawn_twice(clip, monkeypatch):
    policies = [dict(type='Brightness', magnitude_range=(0, .9), prob=1.)]
    augment = ClipRandAugment(policies, 2, 7, magnitude_std=.5)
    drawn, normal = [], np.random.normal

    def counted(*args):
        drawn.append(normal(*args))
        return drawn[-1]

    monkeypatch.setattr(np.random, 'normal', counted)
    augment(dict(imgs=clip))
    # Two magnitudes, however many frames.
    assert len(drawn) == 2 and drawn[0] != drawn[1]


def test_the_given_frames_are_left_alone(clip):
    before = [frame.copy() for frame in clip]
    np.random.seed(0)
    for _ in range(30):
        frames = ClipRandAugment(**M7N4)(dict(imgs=clip))['imgs']
        assert not any(np.shares_memory(new, old)
                       for new, old in zip(frames, clip, strict=True))
    assert all(map(np.array_equal, before, clip))


def test_colour_operations_see_bgr():
    """Without colour, a red frame has the grey level of red, not of blue."""
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    policies = [dict(type='ColorTransform', magnitude_range=(-1, -1), prob=1.,
                     random_negative_prob=0.)]
    grey = ClipRandAugment(policies, 1, 7)(dict(imgs=[red]))['imgs'][0]
    # ITU-R 601: 0.299 of 200; blue would give 0.114 of it.
    np.testing.assert_allclose(grey, 60, atol=1)


@pytest.mark.parametrize(('shape', 'wanted'), [
    ((240, 426), (224, 397)), ((426, 240), (397, 224)),
    ((240, 427), (224, 398)), ((240, 320), (224, 298)),
    ((224, 224), (224, 224)), ((100, 133), (224, 297))])
def test_the_long_side_is_truncated(shape, wanted):
    """VideoMAE's int(224 * w / h); MMAction2 rounds."""
    frames = [np.zeros((*shape, 3), np.uint8)] * 2
    results = ResizeShortSide(224)(dict(imgs=frames, img_shape=shape))
    assert results['img_shape'] == wanted
    assert [one.shape[:2] for one in results['imgs']] == [wanted] * 2


def crop_and_erase(seed, frames):
    random.seed(seed)
    np.random.seed(seed)
    results = dict(imgs=frames, img_shape=frames[0].shape[:2])
    for config in (
            dict(type='mmaction.RandomResizedCrop'),
            dict(type='mmaction.Resize', scale=(32, 32), keep_ratio=False),
            dict(type='mmaction.RandomErasing', erase_prob=1., mode='rand',
                 fill_color=(123.675, 116.28, 103.53),
                 fill_std=(58.395, 57.12, 57.375))):
        results = TRANSFORMS.build(config)(results)
    return np.stack(results['imgs']).astype(int)


def test_one_crop_and_one_rectangle_for_the_clip():
    """Of a still clip, only the noise in the rectangle differs."""
    y, x = np.mgrid[:60, :90]
    frame = np.stack([4 * y, 2 * x, 0 * x], -1).astype(np.uint8)
    areas, noise = [], []
    for seed in range(40):
        frames = crop_and_erase(seed, [frame.copy() for _ in range(4)])
        differs = (frames != frames[0]).any((0, 3))
        rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(
            differs.any(0))
        box = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        # Noise of three channels in four frames agrees nowhere.
        assert differs[box].all()
        areas.append(differs.mean())
        noise.append(frames[(slice(None), *box)].reshape(-1, 3))
    # From 2 % to a third, of 32x32 pixels.
    assert min(areas) > .01 and .25 < max(areas) < .37
    noise = np.concatenate(noise)
    # Of the normalised frames N(0, 1), cut at 0 and 255: 2 % of each side.
    np.testing.assert_allclose(noise.mean(0), [123.675, 116.28, 103.53],
                               atol=2)
    np.testing.assert_allclose(noise.std(0), [58.395, 57.12, 57.375], rtol=.06)
