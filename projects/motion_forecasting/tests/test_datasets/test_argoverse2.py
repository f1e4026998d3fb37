"""Argoverse 2: scenarios and their maps."""

import numpy as np
import pytest
from lm4ve_motion.datasets import (
    DataError,
    DataNotFoundError,
    map_of,
    read_argoverse2,
    read_argoverse2_map,
)


@pytest.fixture
def folder(tmp_path, cases):
    return cases.write_scenario(tmp_path / 'a', cases.scene_2(), [3, 2, 0])


def test_reads_what_was_written(folder, cases):
    found, wanted = read_argoverse2(folder), cases.scene_2()
    for name in ('scene_id', 'city', 'track_ids', 'kinds', 'target',
                 'num_observed', 'horizon'):
        assert getattr(found, name) == getattr(wanted, name), name
    for name in ('positions', 'seen', 'times', 'scored'):
        assert np.array_equal(getattr(found, name), getattr(wanted, name))
    assert np.array_equal(found.headings[found.seen],
                          wanted.headings[wanted.seen])
    by_file = read_argoverse2(folder / 'scenario_a.parquet')
    assert np.array_equal(by_file.positions, found.positions)


def test_test_split(tmp_path, cases):
    scene = read_argoverse2(
        cases.write_scenario(tmp_path / 'a', cases.scene_2(50)))
    assert scene.num_future == 0 and scene.horizon == 60


def test_truncated(folder):
    path = folder / 'scenario_a.parquet'
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match='damaged or incomplete'):
        read_argoverse2(folder)


def test_no_focal_track(tmp_path, cases):
    scene = cases.scene_2()
    seen = scene.seen.copy()
    seen[0] = False
    with pytest.raises(DataError, match='no line of its focal track 1'):
        read_argoverse2(cases.write_scenario(
            tmp_path / 'a', scene._replace(seen=seen)))


def test_focal_track_with_a_hole(tmp_path, cases):
    scene = cases.scene_2()
    seen = scene.seen.copy()
    seen[0, 70] = False
    with pytest.raises(DataError, match='missing at 1 of 110.* first is 70'):
        read_argoverse2(cases.write_scenario(
            tmp_path / 'a', scene._replace(seen=seen)))


def test_number_of_steps(tmp_path, cases):
    with pytest.raises(DataError, match='has 80 time steps, 0 to 79'):
        read_argoverse2(
            cases.write_scenario(tmp_path / 'a', cases.scene_2(80)))


def test_nan(tmp_path, cases):
    scene = cases.scene_2()
    scene.positions[1, 3, 0] = np.nan
    with pytest.raises(DataError, match='1 of 280 lines .* not finite'):
        read_argoverse2(cases.write_scenario(tmp_path / 'a', scene))


def test_column_missing(tmp_path, cases):
    with pytest.raises(DataError, match='lacks the columns heading'):
        read_argoverse2(cases.write_scenario(
            tmp_path / 'a', cases.scene_2(), drop=('heading', )))


def test_no_scenario(tmp_path):
    with pytest.raises(DataNotFoundError, match='no scenario_<id>.parquet'):
        read_argoverse2(tmp_path)


@pytest.mark.parametrize('centrelines', [True, False])
def test_map(tmp_path, cases, centrelines):
    folder = cases.write_scenario(
        tmp_path / 'a', cases.scene_2(), centrelines=centrelines)
    lanes = read_argoverse2_map(map_of(folder))
    assert lanes.ids.tolist() == [21, 22, 23]
    assert np.allclose(lanes.points, cases.some_lanes().points)
    assert lanes.intersections.tolist() == [False, True, False]
    assert not lanes.turns.any() and not lanes.controls.any()
    outline = cases.some_lanes().points[0] + np.array([[[0., 2.]],
                                                       [[0., -2.]]])
    assert np.allclose(lanes.boxes[0], [*outline.min((0, 1)),
                                        *outline.max((0, 1))])


def test_points_at_equal_arc_lengths():
    from lm4ve_motion.datasets.lane_map import resample
    bent = np.array([[0., 0], [9, 0], [9, 9]])
    found = resample(bent)
    assert np.allclose(np.linalg.norm(np.diff(found, axis=0), axis=1)[:4], 2)
    assert found[0].tolist() == [0, 0] and found[-1].tolist() == [9, 9]


def test_map_of_another_scenario(folder):
    (folder / 'log_map_archive_a.json').rename(
        folder / 'log_map_archive_b.json')
    with pytest.raises(DataNotFoundError,
                       match='no map .*_a.json; .* has log_map_archive_b'):
        map_of(folder)


def test_damaged_map(folder):
    path = folder / 'log_map_archive_a.json'
    path.write_text(path.read_text()[:100])
    with pytest.raises(DataError, match='damaged or no map'):
        read_argoverse2_map(path)


def test_real_scenario(shared_data):
    """Check 22: the sample of the Argoverse 2 API."""
    folder, = (shared_data / 'argoverse2').glob('0a1e6f0a-*')
    scene = read_argoverse2(folder)
    assert scene.positions.shape == (58, 110, 2)
    assert scene.seen[:, 49].sum() == 25
    assert np.allclose(scene.positions[scene.target, 49],
                       (-421.921912, 1445.482461), atol=1e-6)
    assert scene.headings[scene.target, 49] == pytest.approx(1.4896016)
    assert len(read_argoverse2_map(map_of(folder)).ids) == 71
    # 16 columns instead of 18.
    other, = (shared_data / 'argoverse2').glob('0000b0f9-*')
    assert read_argoverse2(other).num_future == 60
