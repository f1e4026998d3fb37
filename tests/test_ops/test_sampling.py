"""Sampling and grouping: golden numbers, and the kernel's own rules.

The golden numbers were made with upstream's model code; the rules are held
against a literal, slow imitation of the kernel's threads.
"""

import functools

import numpy as np
import pytest
import torch

from lm4ve_mm.ops import (
    farthest_point_sample,
    fps_numpy,
    gather_points,
    group,
    knn_indices,
)
from lm4ve_mm.ops.sampling import fps_batched

both_dtypes = pytest.mark.parametrize('dtype', [torch.float64, torch.float32])


def kernel(points, num, skip=True):
    """What the CUDA kernel does, thread by thread, for float32 clouds."""
    size = len(points)
    threads = 1
    while threads * 2 <= min(size, 512):
        threads *= 2
    running = np.full(size, 1e10, np.float32)
    chosen = [0]
    for _ in range(1, num):
        best, where = [-1.] * threads, [0] * threads
        for thread in range(threads):
            for k in range(thread, size, threads):
                x, y, z = points[k]
                if skip and float(x * x + y * y + z * z) <= 1e-3:
                    continue
                dx, dy, dz = points[k] - points[chosen[-1]]
                running[k] = min(running[k], dx * dx + dy * dy + dz * dz)
                if running[k] > best[thread]:
                    best[thread], where[thread] = running[k], k
        half = threads // 2
        while half:
            for thread in range(half):
                if best[thread + half] > best[thread]:
                    best[thread] = best[thread + half]
                    where[thread] = where[thread + half]
            half //= 2
        chosen.append(where[0])
    return chosen


def cloud_of_ties(size):
    """A small cloud on a grid: nearly every step is a tie."""
    return np.random.default_rng(size).integers(
        -3, 3, (size, 3)).astype('f4') / 4


@functools.cache
def chosen_of_ties(size, num, skip):
    return kernel(cloud_of_ties(size), num, skip)


def test_golden_cloud(cloud_t):
    np.testing.assert_allclose(
        cloud_t[0, 0], [.0132550149, 0, .2997070313], atol=1e-10)
    assert float(cloud_t.sum()) == pytest.approx(46.6097897682, abs=1e-9)


@both_dtypes
def test_golden_samples(cloud_t, dtype):
    indices = farthest_point_sample(cloud_t.to(dtype), 64)
    assert indices.dtype == torch.int64
    assert indices[0, :12].tolist() == [
        0, 987, 521, 655, 831, 144, 370, 816, 223, 394, 783, 3
    ]
    assert indices.sum(1).tolist() == [32528, 31586]


@both_dtypes
def test_golden_groups(cloud_t, dtype):
    points = cloud_t.to(dtype)
    centres = gather_points(points, farthest_point_sample(points, 64))
    near = group(points, centres, 32)
    tolerance = 1e-8 if dtype == torch.float64 else 1e-4
    np.testing.assert_allclose(
        near.square().sum((1, 2, 3)), [91.268973106, 94.183686162],
        atol=tolerance)
    np.testing.assert_allclose(
        centres.sum((1, 2)), [17.377712263, 2.016412875], atol=tolerance)


@pytest.mark.parametrize('version', [fps_numpy, None], ids=['cpu', 'batched'])
@pytest.mark.parametrize('size', [3, 8, 21, 64, 100, 290, 600])
@pytest.mark.parametrize('skip', [True, False])
def test_ties_are_those_of_the_kernel(version, size, skip):
    cloud = cloud_of_ties(size)
    # Fewer positions than points: 290 goes on after the last candidate.
    num = min(size, 240 if size == 290 else 130)
    if version is None:
        found = fps_batched(torch.tensor(cloud)[None], num, skip)[0].tolist()
    else:
        found = version(cloud, num, skip).tolist()
    assert found == chosen_of_ties(size, num, skip)


def test_tie_between_threads_goes_to_the_even_one():
    """Threads 1 and 2 at the same distance: the last step keeps thread 2."""
    cloud = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, .5, .5]], 'f4')
    assert fps_numpy(cloud, 2).tolist() == kernel(cloud, 2) == [0, 2]


@pytest.mark.parametrize('version', ['numpy', 'batched'])
def test_real_sizes_agree_with_the_kernel(version):
    """1200 of 2048, where the version for a CPU drops chosen points."""
    cloud = np.random.default_rng(0).normal(size=(2048, 3)).astype('f4')
    cloud /= np.linalg.norm(cloud, axis=1).max()
    cloud[100:103] /= 50  # three points that are never candidates
    if version == 'numpy':
        found = fps_numpy(cloud, 1200)
    else:
        found = fps_batched(torch.tensor(cloud)[None], 1200)[0].numpy()
    # The literal kernel would take a minute; its rule, which is enough where
    # nothing ties, is checked for every step instead.
    running = np.full(2048, 1e10, np.float32)
    far = (cloud**2).sum(1) > 1e-3
    assert (~far).sum() == 3
    for last, chosen in zip(found, found[1:]):
        step = (cloud - cloud[last])**2
        running = np.minimum(running, step[:, 0] + step[:, 1] + step[:, 2])
        assert running[chosen] == running[far].max() and far[chosen]
    assert len(set(found)) == 1200
    assert not np.array_equal(found, fps_numpy(cloud, 1200, False))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_agrees_with_the_cpu(cloud_t):
    points = torch.cat([cloud_t, torch.rand_like(cloud_t)]).float()
    chosen = farthest_point_sample(points, 512)
    on_gpu = farthest_point_sample(points.cuda(), 512)
    assert torch.equal(on_gpu.cpu(), chosen)
    centres = gather_points(points, chosen[:, :64])
    near = knn_indices(points, centres, 32).sort().values
    on_gpu = knn_indices(points.cuda(), centres.cuda(), 32).sort().values
    assert torch.equal(on_gpu.cpu(), near)


@pytest.mark.parametrize(('radius', 'candidate'), [(.02, False), (.04, True)])
def test_near_origin_rule(radius, candidate):
    """Point 5 is taken last, or not at all."""
    rng = np.random.default_rng(1)
    cloud = rng.normal(size=(16, 3))
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    cloud[5] = (radius, 0, 0)
    assert (5 in fps_numpy(cloud, 16)) is candidate
    assert 5 in fps_numpy(cloud, 16, skip_near_origin=False)
    batched = fps_batched(torch.from_numpy(cloud)[None], 16)
    assert (5 in batched.tolist()[0]) is candidate
    # As index 0 it is emitted in any case.
    moved = np.concatenate([cloud[5:], cloud[:5]])
    assert fps_numpy(moved, 16)[0] == 0


def test_limit_of_the_rule_is_a_double():
    """float32's 1e-3 lies above the kernel's limit, so it is a candidate."""
    limit = np.float32(1e-3)
    for x in np.linspace(.01, .03, 500, dtype=np.float32):
        y = np.sqrt(limit - x * x)
        if x * x + y * y == limit:
            break
    cloud = np.array([[0, 0, 0], [x, y, 0], [x, 0, 0]], np.float32)
    assert float((cloud[1]**2).sum()) == float(limit) > 1e-3
    assert fps_numpy(cloud, 3).tolist() == kernel(cloud, 3) == [0, 1, 1]
    batched = fps_batched(torch.from_numpy(cloud)[None], 3)
    assert batched.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize('version', [farthest_point_sample, fps_batched])
def test_all_points_near_origin_give_index_0(version):
    cloud = torch.rand(1, 8, 3) * .01
    assert version(cloud, 5).tolist() == [[0] * 5]


def test_prefix_property(cloud_t):
    """Sampling a sampled cloud returns its beginning."""
    ordered = gather_points(cloud_t, farthest_point_sample(cloud_t, 512))
    again = farthest_point_sample(ordered, 64)
    assert torch.equal(again, torch.arange(64).expand(2, -1))


def test_one_cloud_and_half_precision(cloud_t):
    one = farthest_point_sample(cloud_t[0], 64)
    assert torch.equal(one, farthest_point_sample(cloud_t, 64)[0])
    half = cloud_t.half()
    assert torch.equal(
        farthest_point_sample(half, 64),
        farthest_point_sample(half.float(), 64))


def test_neighbours_are_the_nearest(cloud_t):
    centres = cloud_t[:, :5]
    found = knn_indices(cloud_t, centres, 32).sort().values
    # Upstream's formula, in float64.
    squared = (
        centres.square().sum(-1)[..., None]
        + cloud_t.square().sum(-1)[:, None] - 2 * centres @ cloud_t.mT)
    assert torch.equal(found, squared.argsort()[..., :32].sort().values)
    single = knn_indices(cloud_t.float(), centres.float(), 32)
    assert torch.equal(found, single.sort().values)


def test_group_passes_gradients(cloud_t):
    points = cloud_t.requires_grad_()
    near = group(points, points[:, :4], 8)
    near[0, 0].sum().backward()
    # Seven other points gain +1, the centre +1 - 8.
    gained, counts = points.grad.unique(return_counts=True)
    assert gained.tolist() == [-7, 0, 1]
    assert counts.tolist() == [3, 2 * 1024 * 3 - 24, 21]


@pytest.mark.parametrize(('shape', 'num', 'message'), [
    ((4, 8, 2), 2, r'\(B, N, 3\) or \(N, 3\), not \(4, 8, 2\)'),
    ((8, ), 2, r'not \(8,\)'),
    ((1, 8, 3), 9, 'cannot sample 9 different points of 8'),
    ((8, 3), 0, 'ask for at least 1'),
])
def test_impossible_requests(shape, num, message):
    with pytest.raises(ValueError, match=message):
        farthest_point_sample(torch.rand(shape), num)


def test_not_finite():
    cloud = torch.rand(1, 8, 3)
    cloud[0, 3, 1] = float('nan')
    with pytest.raises(ValueError, match='not finite'):
        farthest_point_sample(cloud, 2)


def test_too_few_neighbours(cloud_t):
    with pytest.raises(ValueError, match='cannot take 2000 neighbours of'):
        group(cloud_t, cloud_t[:, :2], 2000)
