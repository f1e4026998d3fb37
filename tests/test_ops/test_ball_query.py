"""The ball query: golden numbers, and the kernel's walk over all points."""

import pytest
import torch

from lm4ve_mm.ops import ball_query, farthest_point_sample, gather_points
from lm4ve_mm.ops.sampling import fps_batched
from lm4ve_mm.testing.clouds import golden_scenes

both_dtypes = pytest.mark.parametrize('dtype', [torch.float64, torch.float32])


@pytest.fixture(scope='module')
def scenes():
    """Two clouds, (2, 512, 3) float64, with a point near the origin."""
    return torch.from_numpy(golden_scenes(512, near_origin=True))


def kernel(points, centres, radius, num):
    """What the CUDA kernel does for one cloud, point by point."""
    points, centres = points.numpy(), centres.numpy()
    limit = points.dtype.type(radius)**2
    rows = []
    for centre in centres:
        row, count = [0] * num, 0
        for k, point in enumerate(points):
            x, y, z = centre - point
            if x * x + y * y + z * z < limit:
                if not count:
                    row = [k] * num
                row[count] = k
                count += 1
                if count == num:
                    break
        rows.append(row)
    return rows


def test_golden_scenes(scenes):
    assert scenes[0, 0].tolist() == pytest.approx(
        [.01874084249, 0, .20958984375], abs=1e-10)
    assert float(scenes.sum()) == pytest.approx(37.732072843, abs=1e-8)


@both_dtypes
@pytest.mark.parametrize('version', [farthest_point_sample, fps_batched])
def test_golden_samples(scenes, version, dtype):
    chosen = version(scenes.to(dtype), 64)
    assert chosen[0, :12].tolist() == [
        0, 288, 312, 508, 281, 55, 305, 66, 406, 173, 77, 467]
    assert chosen[1, -12:].tolist() == [
        74, 396, 426, 210, 277, 16, 334, 503, 378, 428, 200, 272, 505][1:]
    many = version(scenes.to(dtype), 511)[1]
    assert many[-4:].tolist() == [63, 406, 262, 317]
    assert 37 not in many


@both_dtypes
def test_golden_neighbours(scenes, dtype):
    points = scenes.to(dtype)
    centres = gather_points(points, farthest_point_sample(points, 64))
    near = ball_query(points, centres, .4, 16)
    assert near.dtype == torch.int64 and near.shape == (2, 64, 16)
    assert near[0, 0].tolist() == [
        0, 2, 5, 7, 10, 13, 15, 18, 20, 23, 26, 28, 31, 34, 36, 39]
    assert near[0, 5].tolist() == [21, 42, 55, 63, 76, 97, 110] + [21] * 9
    assert near[1, 63].tolist() == [
        356, 364, 369, 372, 377, 382, 385, 390, 395, 398, 403, 406, 408, 411,
        416, 419]
    assert int(near.sum()) == 455333


def test_no_neighbour_gives_index_0(scenes):
    far = torch.full((2, 1, 3), 50.)
    for centre in (far, -far, far * 1e12, scenes.mean(1, keepdim=True) + .005):
        found = ball_query(scenes, centre.double(), 1e-3, 16)
        assert found.tolist() == [[[0] * 16]] * 2


@both_dtypes
@pytest.mark.parametrize('radius', [.01, .25, 1., 1e3])
@pytest.mark.parametrize('kind', ['scattered', 'on a grid', 'one place'])
def test_is_the_walk_of_the_kernel(dtype, radius, kind):
    """On a grid many distances equal the radius, which is outside."""
    draw = torch.Generator().manual_seed(0)
    points = torch.randn(2, 90, 3, generator=draw, dtype=dtype)
    points *= torch.tensor([2, 1, .1], dtype=dtype)
    if kind == 'on a grid':
        points = (points * 4).round() / 4
    elif kind == 'one place':
        points[:] = points[:, :1]
    centres = torch.cat([points[:, :8], points[:, 8:16] * 3 + .1], 1)
    found = ball_query(points, centres, radius, 5)
    for cloud in range(2):
        expected = kernel(points[cloud], centres[cloud], radius, 5)
        assert found[cloud].tolist() == expected


def test_near_the_radius_the_type_decides():
    """Distances within the last bits of the radius, in float32."""
    draw = torch.Generator().manual_seed(1)
    direction = torch.nn.functional.normalize(
        torch.randn(1, 400, 3, generator=draw), dim=-1)
    points = torch.tensor([3., -2, .7]) + .2 * direction
    centres = torch.tensor([[[3., -2, .7]]])
    found = ball_query(points, centres, .2, 400)[0]
    expected = kernel(points[0], centres[0], .2, 400)
    assert found.tolist() == expected
    assert 20 < len(set(expected[0])) < 380  # rounding does decide


def test_the_walk_goes_on_where_one_part_ends(monkeypatch):
    """Small parts, for sparse and for dense clouds."""
    points = torch.from_numpy(golden_scenes(512))
    for radius in (.1, .9):
        whole = ball_query(points, points[:, :70], radius, 20)
        with monkeypatch.context() as patch:
            patch.setattr('lm4ve_mm.ops.balls.MOST_COMPARED', 1000)
            parts = ball_query(points, points[:, :70], radius, 20)
        assert torch.equal(whole, parts)


def test_half_precision_is_computed_in_float32(scenes):
    half = scenes.half()
    assert torch.equal(
        ball_query(half, half[:, :9], .4, 16),
        ball_query(half.float(), half[:, :9].float(), .4, 16))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_agrees_with_the_cpu(scenes):
    for radius in (.4, 2.):
        points = scenes.float()
        found = ball_query(points.cuda(), points[:, :64].cuda(), radius, 16)
        assert torch.equal(
            found.cpu(), ball_query(points, points[:, :64], radius, 16))


@pytest.mark.parametrize(('points', 'centres', 'keywords', 'message'), [
    ((1, 8, 2), (1, 8, 3), {}, r'points are \(B, N, 3\), not \(1, 8, 2\)'),
    ((1, 8, 3), (8, 3), {}, r'centres are \(B, N, 3\), not \(8, 3\)'),
    ((1, 0, 3), (1, 8, 3), {}, 'no points to search'),
    ((1, 8, 3), (1, 8, 3), dict(radius=0), 'radius=0 and num=4: both'),
    ((1, 8, 3), (1, 8, 3), dict(num=0), 'radius=1 and num=0: both'),
])
def test_impossible_requests(points, centres, keywords, message):
    with pytest.raises(ValueError, match=message):
        ball_query(torch.rand(points), torch.rand(centres),
                   **{'radius': 1, 'num': 4, **keywords})


def test_not_finite(scenes):
    broken = scenes.clone()
    broken[1, 3, 1] = float('nan')
    with pytest.raises(ValueError, match='some points have coordinates that'):
        ball_query(broken, scenes, .4, 16)
    with pytest.raises(ValueError, match='some centres have coordinates'):
        ball_query(scenes, broken, .4, 16)
