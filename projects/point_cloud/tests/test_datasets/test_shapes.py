"""Generated solids: their geometry, their files, several processes."""

import multiprocessing

import h5py
import numpy as np
import pytest
from lm4ve_point_cloud.datasets import DataError, PointShapes, ScanObjectNN
from lm4ve_point_cloud.datasets.shapes import any_rotation, upright_rotation
from lm4ve_point_cloud.datasets.solids import (
    SOLIDS,
    box,
    polyhedron,
    together,
    turned,
)

SMALL = dict(count=30, num_points=64)
FORK = multiprocessing.get_context('fork')


def surface(name, count=4000, seed=0):
    rng = np.random.default_rng(seed)
    return SOLIDS[name](rng)(rng, count)


def test_fifteen_solids():
    assert len(SOLIDS) == 15
    for name in SOLIDS:
        points = surface(name, 500)
        assert points.shape == (500, 3) and np.isfinite(points).all(), name
        assert (np.ptp(points, axis=0) > .3).all(), name
        assert not np.array_equal(points, surface(name, 500, seed=1)), name


def test_sphere_is_round_and_even():
    points = surface('sphere')
    # The outline is a polygon of 32 sides.
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=.002)
    # Archimedes: the height is uniform. Kolmogorov, 4000 points, p < 1e-6.
    gap = np.sort(points[:, 1]) - np.linspace(-1, 1, 4000)
    assert abs(gap).max() / 2 < 2.7 / np.sqrt(4000)


def test_cone_is_even():
    """Shares by area, and more points where it is wide."""
    rng = np.random.default_rng(0)
    points = turned((0, 0), (1, 0), (0, 2))(rng, 20000)
    radius = np.hypot(points[:, 0], points[:, 2])
    bottom = points[:, 1] < 1e-12
    np.testing.assert_allclose(radius[~bottom], 1 - points[~bottom, 1] / 2)
    # Base pi, side pi sqrt(5); standard error .0033.
    assert bottom.mean() == pytest.approx(1 / (1 + 5**.5), abs=.015)
    # The mean of a radius with density 2 r; standard errors .002, .003.
    assert radius[~bottom].mean() == pytest.approx(2 / 3, abs=.01)
    assert radius[bottom].mean() == pytest.approx(2 / 3, abs=.015)


def test_cylinder_is_even():
    """Where the radius does not change the formula has a limit."""
    rng = np.random.default_rng(0)
    points = turned((1, -1), (1, 1))(rng, 20000)
    np.testing.assert_allclose(np.hypot(points[:, 0], points[:, 2]), 1)
    assert points[:, 1].mean() == pytest.approx(0, abs=.02)
    assert points[:, 1].var() == pytest.approx(1 / 3, abs=.01)


def test_box_and_triangles_are_even():
    rng = np.random.default_rng(0)
    points = box((1, 2, 3))(rng, 22000)
    on = abs(abs(points) - (1, 2, 3)) < 1e-12
    assert (on.sum(1) == 1).all()
    # Faces of 6, 3 and 2; standard error at most .0034.
    np.testing.assert_allclose(on.mean(0), [6 / 11, 3 / 11, 2 / 11], atol=.015)
    triangle = polyhedron([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
    points = triangle(rng, 20000)
    assert (points[:, :2].sum(1) <= 1).all() and (points >= 0).all()
    np.testing.assert_allclose(points.mean(0), [1 / 3, 1 / 3, 0], atol=.01)


def test_joined_boxes_have_no_inside():
    rng = np.random.default_rng(0)
    joined = together(((0, 0, 0), (1, .2, .2)), ((0, 0, 0), (.2, 1, .2)))
    points = joined(rng, 4000)
    assert points.shape == (4000, 3)
    within = (abs(points) < (1 - 1e-9, .2 - 1e-9, .2 - 1e-9)).all(1)
    within |= (abs(points) < (.2 - 1e-9, 1 - 1e-9, .2 - 1e-9)).all(1)
    assert not within.any()
    # Both bars alike: neither was cut off at the end of the draw.
    shares = (abs(points[:, :2]) > .2 + 1e-9).mean(0)
    assert shares[0] == pytest.approx(shares[1], abs=.05)


def test_rotations_are_rotations():
    rng = np.random.default_rng(0)
    turned_up = []
    for _ in range(300):
        matrix = any_rotation(rng)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1)
        turned_up.append(matrix @ (0, 1, 0))
    # Any direction: the mean of 300 has a standard error of .033 per axis.
    assert abs(np.mean(turned_up, axis=0)).max() < .15


def test_upright_rotations_keep_the_height():
    rng = np.random.default_rng(0)
    matrices = [upright_rotation(rng) for _ in range(300)]
    for matrix in matrices:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert (matrix @ (0, 1, 0)).tolist() == [0, 1, 0]
        assert np.linalg.det(matrix) == pytest.approx(1)
    assert abs(np.mean([m @ (1, 0, 0) for m in matrices], axis=0)).max() < .15


def test_rotation_is_a_setting(tmp_path):
    """Upright pyramids stand on their base."""
    ground = dict(any=[], upright=[])
    for rotation, found in ground.items():
        shapes = PointShapes(
            'train', str(tmp_path / rotation), count=150, num_points=256,
            rotation=rotation, noise=0, background=0)
        for points in shapes.points[5::15]:  # the pyramids
            on_ground = points[:, 1] < points[:, 1].min() + 1e-5
            found.append(on_ground.mean())
    # The base, of which any other attitude shows a corner or an edge.
    assert min(ground['upright']) > .2 and max(ground['any']) < .05


def test_files_are_those_of_scanobjectnn(tmp_path):
    shapes = PointShapes('train', str(tmp_path), **SMALL)
    assert [info['gt_label'] for info in shapes] == [*range(15)] * 2
    plain = ScanObjectNN('train', 'obj_bg', data_root=str(tmp_path))
    assert np.array_equal(plain[17]['points'], shapes[17]['points'])
    with h5py.File(shapes.file) as file:
        assert file['data'].dtype == np.float32
        assert file['mask'].shape == (30, 64)
        masks = file['mask'][()]
    assert set(np.unique(masks)) == {-1, 0}
    # Up to a fifth is clutter, a tenth on average.
    share = (masks == -1).mean(1)
    assert share.max() <= .2 and share.mean() == pytest.approx(.1, abs=.05)
    # The solid, not the clutter, lies within radius 1 and the noise.
    points = shapes.points[masks == 0]
    assert .6 < np.linalg.norm(points, axis=1).max() < 1.1


def test_same_settings_same_clouds(tmp_path):
    one, again = (PointShapes('train', str(tmp_path / name), **SMALL)
                  for name in 'ab')
    assert np.array_equal(one.points, again.points)
    other = PointShapes('train', str(tmp_path / 'c'), seed=1, **SMALL)
    test = PointShapes('test', str(tmp_path / 'a'), **SMALL)
    assert not np.isclose(one.points, other.points).any()
    assert not np.isclose(one.points, test.points).any()
    # The first cloud of a longer set is the same.
    longer = PointShapes('train', str(tmp_path / 'd'), count=45, num_points=64)
    assert np.array_equal(longer.points[:30], one.points)
    # On any machine, up to the rounding of sine and cosine.
    np.testing.assert_allclose(
        one.points[3, 0], [-.4982375, -.1513929, -.5505816], atol=1e-6)


def test_other_settings_are_refused(tmp_path):
    PointShapes('train', str(tmp_path), **SMALL)
    with pytest.raises(DataError, match="'noise': 0.01, .* wanted is .*'noise'"
                       ': 0.05, .* remove it, or give another data_root'):
        PointShapes('train', str(tmp_path), noise=.05, **SMALL)


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(count=0), 'count=0'),
    (dict(noise=-1), 'noise=-1 has to be at least 0'),
    (dict(background=1), 'background=1 within 0..1'),
    (dict(rotation='none'), "the rotations 'any', 'upright', not 'none'"),
    (dict(split='val'), "PointShapes has the splits .* not 'val'"),
])
def test_settings_without_sense(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        PointShapes(**dict(dict(split='train', data_root=str(tmp_path)),
                           **settings))


def load_shapes(root, results):
    shapes = PointShapes('train', root, **SMALL)
    results.put(float(shapes.points.sum()))


def test_two_processes_at_once(tmp_path):
    results = FORK.Queue()
    both = [FORK.Process(target=load_shapes, args=(str(tmp_path), results))
            for _ in range(2)]
    for process in both:
        process.start()
    found = [results.get(timeout=60) for _ in both]
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert found[0] == found[1]
