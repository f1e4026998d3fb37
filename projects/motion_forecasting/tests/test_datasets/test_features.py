"""The arrays of both models: golden numbers, rules, motions."""

import numpy as np
import pytest
from lm4ve_motion.datasets import MMTransformerFeatures, VectorNetFeatures
from lm4ve_motion.datasets.frames import rotation, to_city, to_local
from lm4ve_motion.datasets.mmtransformer_features import heading_of

BOTH = pytest.mark.parametrize('make', [
    VectorNetFeatures(), MMTransformerFeatures()], ids=['vectornet', 'mmt'])


def test_vectornet_golden(cases):
    """Check 15 of the specification; upstream rounds positions to fp32."""
    found = VectorNetFeatures()(cases.scene_s())
    assert found['actors'].shape == (4, 19, 6)
    assert found['actors'].dtype == np.float32
    assert found['theta'] == pytest.approx(5.951129191, abs=5e-6)
    assert np.allclose(rotation(found['theta']), [
        [.94537407, .32598752], [-.32598752, .94537407]], atol=5e-6)
    assert np.allclose(found['origin'], (113.11, 205.70))
    assert np.allclose(found['ctrs'], [
        (0, 0), (-11.917897, 1.359344), (-12.374269, -3.031752),
        (-9.688106, -3.217557)], atol=5e-5)
    agent = found['actors'][0]
    assert np.allclose(agent[0], (
        -13.672046, -.997574, .579937, .117359, 1, .1), atol=5e-5)
    assert np.allclose(agent[18], (0, 0, .920272, 0, 1, 1.9), atol=5e-5)
    valid = found['actors'][:, :, 4]
    assert valid.sum(1).tolist() == [19, 19, 15, 8]
    first = found['actors'][2, 4]
    assert np.allclose(first[:4], (-7.992940, -7.504329) * 2, atol=5e-5)
    assert found['tracks'].tolist() == [0, 1, 2, 3]
    # O2 has a gap at 10 and 11: nothing before it counts.
    assert not found['actors'][3, :11].any()


def test_vectornet_first_delta(cases):
    found = VectorNetFeatures(zero_first_delta=True)(cases.scene_s())
    habit = VectorNetFeatures()(cases.scene_s())
    assert not found['actors'][2, 4, 2:4].any()
    different = np.argwhere(found['actors'] != habit['actors'])
    assert different.tolist() == [[2, 4, 2], [2, 4, 3], [3, 11, 2],
                                  [3, 11, 3]]


def test_mmtransformer_golden(cases):
    """Check 15 of the specification."""
    found = MMTransformerFeatures()(cases.scene_s())
    assert found['theta'] == pytest.approx(1.2202123, abs=1e-7)
    agent = found['actors'][0]
    assert agent.shape == (19, 4)
    assert np.allclose(agent[0], (-.106594, .582011, .05, 1), atol=1e-6)
    assert np.allclose(agent[18], (.017047, .920114, 1.85, 1), atol=1e-6)
    local = to_local(found['gt_trajs'][0], found['origin'], found['theta'])
    steps = np.diff(np.concatenate([found['ctrs'][:1], local]), axis=0)
    assert np.allclose(steps[0], (.023916, .938897), atol=1e-6)
    assert np.allclose(steps[29], (.223115, 1.483620), atol=1e-6)
    assert np.allclose(steps.sum(0), (3.70545, 36.33772), atol=1e-5)


def test_mmtransformer_neighbours(cases):
    """Front padding repeats; a hole leaves a track out, three frames too."""
    t = np.arange(50.)
    road = np.stack([t, 0 * t], 1)
    near = np.stack([t, 0 * t + 3], 1)
    far = np.stack([t, 0 * t + 56.01], 1)
    scene = cases.make_scene(dict(
        AGENT=('AGENT', road, t >= 0), late=('OTHERS', near, t >= 16),
        short=('OTHERS', near, t >= 17), hole=('OTHERS', near, t != 5),
        far=('OTHERS', far, t >= 0), gone=('OTHERS', near, t < 19)))
    found = MMTransformerFeatures()(scene)
    assert [scene.track_ids[row] for row in found['tracks']] == [
        'AGENT', 'late']
    late = found['actors'][1]
    assert not late[:16, [0, 1, 3]].any()
    assert np.allclose(late[16:], [(0, 1, 1.65, 1), (0, 1, 1.75, 1),
                                   (0, 1, 1.85, 1)], atol=1e-6)
    assert np.allclose(late[:, 2], .05 + .1 * np.arange(19), atol=1e-6)


@pytest.mark.parametrize('angle', np.linspace(-3, 3, 13))
def test_heading(angle):
    """Of a straight drive in any direction, and of noise around it."""
    along = np.linspace(0, 9, 10)[:, None]
    line = along * (np.cos(angle), np.sin(angle))
    assert heading_of(line) == pytest.approx(angle)
    bent = line + .05 * np.sin(5 * along)
    assert np.cos(heading_of(bent) - angle) > .99


def test_heading_along_y_or_of_a_standing_target():
    """Where upstream stops in a debugger."""
    up = np.stack([np.zeros(9), np.arange(9.)], 1)
    assert heading_of(up) == pytest.approx(np.pi / 2)
    assert heading_of(-up) == pytest.approx(-np.pi / 2)
    assert np.isfinite(heading_of(np.ones((9, 2))))


def test_vectornet_lanes(cases):
    """Every point within the square, along the axes of the city."""
    scene = cases.scene_s()
    x, y = 113.11, 205.70
    lanes = cases.lane_map([
        ((x - 99.9, y), (x, y + 99.9)), ((x, y), (x + 100.1, y)),
        ((x, y), (x + 5, y)), ((x + 300, y), (x + 310, y))])
    found = VectorNetFeatures()(scene, lanes)
    assert found['lanes'].shape == (2, 9, 7)
    turn = rotation(found['theta'])
    end = turn @ (5 / 9, 0)
    assert np.allclose(found['lanes'][1, 0], [*end, *end, 2, 0, 1], atol=1e-5)
    assert np.allclose(found['lanes'][1, 8], [
        *(9 * end), *end, 2, 0, 1], atol=1e-5)
    assert found['lanes'][0, 0, 4:].tolist() == [0, 0, 1]


def test_mmtransformer_lanes(cases):
    lanes = cases.some_lanes()
    found = MMTransformerFeatures()(cases.scene_s(), lanes)
    assert found['lanes'].shape == (3, 9, 7)
    local = to_local(lanes.points, found['origin'], found['theta'])
    assert np.allclose(found['lanes'][..., :2], local[:, :-1], atol=1e-4)
    assert np.allclose(found['lanes'][..., 2:4], local[:, 1:], atol=1e-4)
    # intersection, turn, control: all begin at 1
    assert found['lanes'][:, 0, 4:].tolist() == [
        [1, 1, 2], [2, 2, 1], [1, 3, 2]]


@BOTH
def test_without_a_map(make, cases):
    assert make(cases.scene_s(), None)['lanes'].shape == (0, 9, 7)


@BOTH
def test_rigid_motion(make, cases):
    """Check 18: the scene's own frame does not see it.

    mmTransformer fits its line over the x or the y axis, whichever is the
    longer, which a turn by any other angle would move a little.
    """
    scene, lanes = cases.scene_s(), cases.some_lanes()
    any_angle = isinstance(make, VectorNetFeatures)
    angle, shift = 2.1 if any_angle else np.pi / 2, np.array([3000., -1500])
    turn = rotation(angle)
    points = lanes.points @ turn.T + shift
    low, high = points.min(1) - 1.9, points.max(1) + 1.9
    other = lanes._replace(
        points=points, boxes=np.concatenate([low, high], 1))
    found = make(scene, lanes)
    again = make(cases.moved(scene, shift, angle), other)
    for key in ('actors', 'ctrs', 'lanes'):
        assert np.allclose(found[key], again[key], atol=1e-4), key
    local = [to_local(one['gt_trajs'], one['origin'], one['theta'])
             for one in (found, again)]
    assert np.allclose(local[0][0], local[1][0], atol=1e-6)


@BOTH
def test_far_coordinates_keep_their_precision(make, cases):
    """The origin is subtracted before anything is rounded to fp32."""
    near = make(cases.scene_s())
    far = make(cases.moved(cases.scene_s(), (250000., 250000.)))
    assert np.allclose(near['actors'], far['actors'], atol=1e-5)


@BOTH
def test_city_and_back(make, cases):
    found = make(cases.scene_s())
    points = np.array([[3., 4], [-5, 6]])
    frame = found['origin'], found['theta']
    assert np.allclose(to_local(to_city(points, *frame), *frame), points)


@BOTH
def test_futures(make, cases):
    scene = cases.scene_s()
    found = make(scene)
    assert found['gt_trajs'].dtype == np.float64
    assert found['gt_mask'].shape == (len(found['tracks']), 30)
    assert np.array_equal(found['gt_trajs'][0], scene.positions[0, 20:])
    unknown = make(scene.past())
    assert unknown['gt_trajs'].shape == found['gt_trajs'].shape
    assert not unknown['gt_mask'].any() and not unknown['gt_trajs'].any()
    for key in ('actors', 'ctrs', 'lanes'):
        assert np.array_equal(unknown[key], found[key])


@BOTH
def test_argoverse2(make, cases):
    """Headings of the file; a fragment is seen but not learnt from."""
    scene = cases.scene_2()
    scene.headings[0] = .5  # not the way it drives
    found = make(scene, cases.some_lanes())
    heading = 0 if isinstance(make, VectorNetFeatures) else np.pi / 2
    assert found['theta'] == pytest.approx(heading - .5)
    assert found['actors'].shape[1] == 49
    assert found['gt_mask'].sum(1).tolist() == [60, 60, 0]


def test_real_scenes(shared_data):
    """Every real scene gives finite arrays, with and without a map."""
    from lm4ve_motion.datasets import read_argoverse1
    for path in (shared_data / 'argoverse1/csv_samples').glob('*.csv'):
        scene = read_argoverse1(path)
        for make in (VectorNetFeatures(), MMTransformerFeatures()):
            found = make(scene)
            for key in ('actors', 'ctrs', 'gt_trajs', 'theta'):
                assert np.isfinite(found[key]).all(), (path, key)
            assert found['gt_mask'][0].all()
