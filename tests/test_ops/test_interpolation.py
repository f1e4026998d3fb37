"""Interpolation between the three nearest points: golden numbers, ties."""

import pytest
import torch

from lm4ve_mm.ops import (
    farthest_point_sample,
    gather_points,
    three_interpolate,
    three_nn,
)
from lm4ve_mm.testing.clouds import golden_scenes


@pytest.fixture(scope='module')
def scenes():
    """Two clouds (2, 512, 3), and 20 known points of each."""
    points = torch.from_numpy(golden_scenes(512, near_origin=True))
    return points, gather_points(points, farthest_point_sample(points, 20))


def kernel(points, known):
    """What the CUDA kernel does for one cloud, point by point."""
    points, known = points.numpy(), known.numpy()
    rows = []
    for point in points:
        best, where = [1e40] * 3, [0] * 3
        for k, other in enumerate(known):
            x, y, z = point - other
            squared = float(x * x + y * y + z * z)
            for place in range(3):
                if squared < best[place]:
                    best.insert(place, squared)
                    where.insert(place, k)
                    best.pop(), where.pop()
                    break
        rows.append(where)
    return rows


def test_golden_neighbours(scenes):
    distances, indices = three_nn(*scenes)
    assert indices[0, :6].flatten().tolist() == [
        0, 19, 17, 13, 0, 17, 0, 13, 17, 13, 7, 0, 0, 13, 17, 0, 19, 17]
    assert int(indices.sum()) == 30860
    assert float(distances.sum()) == pytest.approx(1509.2389994, abs=1e-6)
    single = three_nn(*(x.float() for x in scenes))[1]
    assert torch.equal(single, indices)


def test_golden_interpolation(scenes):
    points, known = scenes
    features = torch.sin(.21 * torch.arange(2 * 6 * 20).double() + .5)
    features = features.view(2, 6, 20).mT
    found = three_interpolate(features, *three_nn(points, known))
    assert found.shape == (2, 512, 6)
    assert found.mT.flatten()[:4].tolist() == pytest.approx(
        [.47942549305, -.091997759547, .093084716124, -.088292205983],
        abs=1e-10)
    assert float(found.sum()) == pytest.approx(10.029591073, abs=1e-8)
    assert float(found.square().sum()) == pytest.approx(
        1124.6278452, abs=1e-6)
    # A known point: not quite its own feature.
    assert (found[0, 508] - features[0, 3]).tolist() == pytest.approx(
        [-3.8716789996e-08, 5.3635236807e-08, -1.3873720395e-08,
         -4.003175369e-08, 5.3125721267e-08, -1.2059165805e-08], abs=1e-15)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_ties_go_to_the_lower_index(dtype):
    draw = torch.Generator().manual_seed(0)
    points = torch.randint(-2, 3, (2, 60, 3), generator=draw).to(dtype) / 2
    known = points[:, 20:50]
    _, found = three_nn(points, known)
    for cloud in range(2):
        assert found[cloud].tolist() == kernel(points[cloud], known[cloud])


def test_gradients_reach_the_features_alone(scenes):
    points, known = (x[:, :20].clone().requires_grad_() for x in scenes)
    features = torch.ones(2, 20, 4, dtype=torch.float64, requires_grad=True)
    three_interpolate(features, *three_nn(points, known)).sum().backward()
    assert float(features.grad.sum()) == pytest.approx(2 * 20 * 4)
    assert points.grad is None and known.grad is None


def test_too_few_known_points():
    with pytest.raises(ValueError, match='cannot interpolate between 2 poin'):
        three_nn(torch.rand(1, 8, 3), torch.rand(1, 2, 3))
