"""The steps of a pipeline, and what the preprocessor does to a batch."""

import numpy as np
import pytest
import torch
from lm4ve_point_cloud.datasets import (
    FarthestPointSample,
    NormalizeCloud,
    PackPoints,
    ShufflePoints,
    pool_size,
)
from lm4ve_point_cloud.models import PointCloudPreprocessor
from mmpretrain.structures import DataSample

from lm4ve_mm.ops import farthest_point_sample, fps_numpy


@pytest.fixture
def cloud():
    points = np.random.default_rng(0).normal(2, 1, (200, 3)).astype('f4')
    points.setflags(write=False)  # as the data sets give them
    return points


@pytest.mark.parametrize(('num', 'available', 'pool'), [
    (1024, 2048, 1200), (2048, 8192, 2400), (4096, 8192, 4800),
    (8192, 8192, 8192), (1024, 1100, 1100), (2048, 2048, 2048),
    (256, 512, 300)])
def test_pool_sizes(num, available, pool):
    assert pool_size(num, available) == pool


def test_normalize(cloud):
    points = NormalizeCloud()(dict(points=cloud))['points']
    assert points.dtype == np.float32
    centred = cloud.astype(float) - cloud.astype(float).mean(0)
    expected = centred / np.sqrt((centred**2).sum(1)).max()
    np.testing.assert_allclose(points, expected, atol=1e-6)


def test_normalize_needs_two_places():
    with pytest.raises(ValueError, match='all points of sample 3 of a.h5 are '
                       'the same'):
        NormalizeCloud()(dict(
            points=np.ones((8, 3)), sample_idx=3, path='a.h5'))


def test_shuffle_permutes(cloud):
    np.random.seed(0)
    points = ShufflePoints()(dict(points=cloud))['points']
    assert not np.array_equal(points, cloud)
    assert np.array_equal(np.sort(points, 0), np.sort(cloud, 0))
    again = ShufflePoints()(dict(points=cloud))['points']
    assert not np.array_equal(points, again)
    np.random.seed(0)
    same = ShufflePoints()(dict(points=cloud))['points']
    assert np.array_equal(points, same)


@pytest.mark.parametrize(('pool', 'kept'), [(False, 128), (True, 150)])
def test_sampling_keeps_the_order_of_its_finds(cloud, pool, kept):
    step = FarthestPointSample(128, pool=pool)
    points = step(dict(points=cloud, gt_label=3))['points']
    assert np.array_equal(points, cloud[fps_numpy(cloud, kept)])


def test_sampling_obeys_the_near_origin_key():
    cloud = np.random.default_rng(0).normal(0, .05, (100, 3)).astype('f4')
    assert (np.linalg.norm(cloud, axis=1) > .0316).sum() > 80
    with_rule = FarthestPointSample(80)(dict(points=cloud))['points']
    without = FarthestPointSample(
        80, skip_near_origin=False)(dict(points=cloud))['points']
    assert (np.linalg.norm(with_rule[1:], axis=1) > .0316).all()
    assert (np.linalg.norm(without[1:], axis=1) < .0316).any()


def test_sampling_for_the_test_is_the_start_of_the_pool(cloud):
    """Check 7; and the group centres are the first G points."""
    plain = FarthestPointSample(128)(dict(points=cloud))['points']
    pool = FarthestPointSample(128, pool=True)(dict(points=cloud))['points']
    assert np.array_equal(plain, pool[:128])
    centres = farthest_point_sample(torch.tensor(plain), 16)
    assert torch.equal(centres, torch.arange(16))


def test_pack(cloud):
    packed = PackPoints()(
        dict(points=cloud, gt_label=7, sample_idx=4, path='a.h5', row=9))
    assert set(packed) == {'inputs', 'data_samples'}
    assert packed['inputs'].dtype == torch.float32
    assert np.array_equal(packed['inputs'].numpy(), cloud)
    sample = packed['data_samples']
    assert sample.gt_label.tolist() == [7]
    assert (sample.sample_idx, sample.path) == (4, 'a.h5')
    packed['inputs'][0] = 0
    assert not np.array_equal(packed['inputs'].numpy(), cloud)


def batch(count=3, points=24):
    generator = torch.Generator().manual_seed(0)
    clouds = torch.rand(count, points, 3, generator=generator)
    samples = [DataSample().set_gt_label(i) for i in range(count)]
    return dict(inputs=list(clouds), data_samples=samples)


def undone(before, after):
    """The scale and the shift (3, ) of each cloud, by least squares."""
    for old, new in zip(before, after, strict=True):
        yield np.array([
            np.polyfit(old[:, axis], new[:, axis], 1) for axis in range(3)]).T


def test_test_mode_changes_nothing():
    data = batch()
    out = PointCloudPreprocessor(num_points=24)(data)
    assert torch.equal(out['inputs'], torch.stack(data['inputs']))
    assert [int(one.gt_label) for one in out['data_samples']] == [0, 1, 2]
    stacked = PointCloudPreprocessor(24)(dict(inputs=out['inputs']))
    assert torch.equal(stacked['inputs'], out['inputs'])
    assert stacked['data_samples'] is None


def test_training_draws_scales_and_shifts():
    """One subset for the batch; a scale and a shift per cloud and axis."""
    data = batch(64)
    preprocessor = PointCloudPreprocessor(num_points=20)
    torch.manual_seed(0)
    out = preprocessor(data, training=True)['inputs']
    assert out.shape == (64, 20, 3)
    # The same draw by hand.
    torch.manual_seed(0)
    kept = torch.rand(1, 24).argsort(1)[0, :20]
    assert len(set(kept.tolist())) == 20
    before = torch.stack(data['inputs'])[:, kept]
    scales, shifts = np.array(list(undone(before.numpy(), out.numpy()))
                              ).transpose(1, 0, 2)
    for numbers, low, high in ((scales, 2 / 3, 3 / 2), (shifts, -.2, .2)):
        assert low - 1e-4 <= numbers.min() <= low + .1 * (high - low)
        assert high + 1e-4 >= numbers.max() >= high - .1 * (high - low)
        assert len(np.unique(numbers.round(5))) > 185  # 192 were drawn
        # Uniform: the standard error of the mean of 192 is .021 of the range.
        assert numbers.mean() == pytest.approx(
            (low + high) / 2, abs=.1 * (high - low))
    # Scaled first: what was 0 is the shift.
    exact = before * torch.tensor(scales)[:, None] + torch.tensor(
        shifts)[:, None]
    torch.testing.assert_close(out.double(), exact, atol=1e-4, rtol=0)
    assert not torch.equal(out, preprocessor(data, training=True)['inputs'])


@pytest.mark.parametrize('shared', [True, False])
def test_subset_is_shared_or_not(shared):
    cloud = torch.arange(24.)[:, None].expand(24, 3)
    preprocessor = PointCloudPreprocessor(
        20, scale=(1, 1), shift=0, shared_subset=shared)
    out = preprocessor.augment(cloud.expand(8, 24, 3))
    drawn = {tuple(kept.tolist()) for kept in out[..., 0]}
    assert len(drawn) == (1 if shared else 8)
    for kept in drawn:
        assert len(set(kept)) == 20


def test_votes_take_the_pool():
    """A batch of 24 points is prepared once, and drawn from each time."""
    preprocessor = PointCloudPreprocessor(20)
    pool = preprocessor.batch(batch())['inputs']
    before = pool.clone()
    first, second = preprocessor.augment(pool), preprocessor.augment(pool)
    assert first.shape == second.shape == (3, 20, 3)
    assert not torch.equal(first, second)
    assert torch.equal(pool, before)


def test_float64_is_made_float32():
    data = dict(inputs=torch.rand(2, 24, 3).double())
    out = PointCloudPreprocessor(24)(data)['inputs']
    assert out.dtype == torch.float32


@pytest.mark.parametrize(('inputs', 'training', 'message'), [
    (torch.rand(2, 24, 3), False, 'have 24 points, but the model takes 20.*'
     'FarthestPointSample.*num_points=20'),
    (torch.rand(2, 19, 3), False, 'have 19 points'),
    (torch.rand(2, 19, 3), True, 'have 19 points.*denser clouds'),
    ([torch.rand(20, 3), torch.rand(21, 3)], True,
     r'shapes \[\(20, 3\), \(21, 3\)\]'),
    (torch.rand(2, 20, 6), True, r'\(A, 3\), not \(2, 20, 6\)'),
    (torch.rand(20, 3), True, r'not \(20, 3\)'),
])
def test_batches_that_do_not_fit(inputs, training, message):
    with pytest.raises(ValueError, match=message):
        PointCloudPreprocessor(20)(dict(inputs=inputs), training)


@pytest.mark.parametrize(('arguments', 'message'), [
    (dict(scale=(0, 1)), r'scale=\(0, 1\)'),
    (dict(scale=(2, 1)), r'scale=\(2, 1\)'),
    (dict(shift=-.1), 'shift=-0.1 is negative'),
])
def test_settings_without_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        PointCloudPreprocessor(**arguments)
