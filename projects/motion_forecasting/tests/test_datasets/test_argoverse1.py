"""Argoverse 1: scenes and maps, good and bad."""

import numpy as np
import pytest
from lm4ve_motion.datasets import (
    DataError,
    DataNotFoundError,
    DrivableArea,
    read_argoverse1,
    read_argoverse1_map,
)
from lm4ve_motion.datasets.argoverse1_files import (
    write_argoverse1_map,
    write_drivable_area,
)


@pytest.fixture
def path(tmp_path, cases):
    """Scene S as a file, called 7.csv."""
    path = tmp_path / '7.csv'
    cases.write_argoverse1(path, cases.scene_s(), 315971499.0)
    return path


def edit(path, change):
    """Rewrite the lines of a file: header, body -> lines."""
    header, *body = path.read_text().splitlines()
    path.write_text('\n'.join(change(header, body)) + '\n')


def test_reads_what_was_written(path, cases):
    found, wanted = read_argoverse1(path), cases.scene_s()
    for name in ('scene_id', 'city', 'track_ids', 'kinds', 'target',
                 'num_observed', 'horizon'):
        assert getattr(found, name) == getattr(wanted, name), name
    assert np.array_equal(found.positions, wanted.positions)
    assert np.array_equal(found.seen, wanted.seen)
    assert np.allclose(found.times, wanted.times, atol=1e-6)
    assert found.num_future == 30


def test_order_of_lines_is_nothing(path):
    wanted = read_argoverse1(path)
    rng = np.random.default_rng(0)
    edit(path, lambda h, b: [h, *rng.permutation(b)])
    found = read_argoverse1(path)
    assert found.track_ids == wanted.track_ids
    assert np.array_equal(found.positions, wanted.positions)
    assert np.array_equal(found.seen, wanted.seen)


def test_stamps_count_by_rank(path, cases):
    """Real ones lie up to half a second apart."""
    times = np.cumsum(np.full(50, .1) + (np.arange(50) % 7 == 0) * .4)
    cases.write_argoverse1(path, cases.scene_s()._replace(times=times))
    found = read_argoverse1(path)
    assert np.array_equal(found.positions, cases.scene_s().positions)
    assert np.allclose(found.times, times - times[0])


def test_test_split_has_no_future(path, cases):
    cases.write_argoverse1(path, cases.scene_s().past())
    assert read_argoverse1(path).num_future == 0


def drop_step_19(header, body):
    """Of a scene of the test split: 19 steps are left."""
    stamps = sorted({line.split(',')[0] for line in body})[:19]
    return [header, *(one for one in body if one.split(',')[0] in stamps)]


BAD = {
    'no AGENT': (lambda h, b: [
        h, *(x.replace('AGENT,AGENT', 'AGENT,OTHERS') for x in b)],
        'has 0 tracks of the type AGENT'),
    'two AGENTs': (lambda h, b: [
        h, *(x.replace('O1,OTHERS', 'O1,AGENT') for x in b)],
        'has 2 tracks of the type AGENT: AGENT, O1'),
    '19 steps': (drop_step_19, '19 time stamps; a scene has 50'),
    'AGENT missing': (lambda h, b: [
        h, *(x for x in b if ',AGENT,101.04,' not in x)],
        'AGENT, is missing at 1 of 50 steps, the first is 2'),
    'duplicate stamp': (lambda h, b: [h, *b, b[0]],
                        'has 2 lines of track AGENT at step 0'),
    'NaN': (lambda h, b: [h, b[0].replace(',100.0,', ',nan,'), *b[1:]],
            'not finite, the first is line 1'),
    'unknown city': (lambda h, b: [h, *(x.replace('MIA', 'ROM') for x in b)],
                     "is of 'ROM'; a scene has one city, PIT or MIA"),
    'two cities': (lambda h, b: [h, *b[:-1], b[-1].replace('MIA', 'PIT')],
                   'a scene has one city'),
    'truncated line': (lambda h, b: [h, *b[:-1], b[-1][:20]],
                       'no complete table'),
    'word for number': (lambda h, b: [
        h, b[0].replace(',100.0,', ',east,'), *b[1:]], 'no complete table'),
    'column missing': (lambda h, b: [
        x.rsplit(',', 1)[0] for x in (h, *b)],
        'lacks the columns CITY_NAME; it has TIMESTAMP'),
    'empty': (lambda h, b: [], 'no complete table'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_scene(path, name):
    change, message = BAD[name]
    edit(path, change)
    with pytest.raises(DataError, match=message) as error:
        read_argoverse1(path)
    assert str(path) in str(error.value)


def test_no_scene(tmp_path):
    with pytest.raises(DataNotFoundError, match='no scene .*8.csv'):
        read_argoverse1(tmp_path / '8.csv')


@pytest.fixture
def maps(tmp_path, cases):
    """Map files of Miami, lanes 11 to 13."""
    root = tmp_path / 'map_files'
    write_argoverse1_map(root, 'MIA', cases.some_lanes(), {11: [12, 13]})
    write_drivable_area(root, 'MIA', np.arange(12).reshape(3, 4) % 2, (5, 6))
    return root


def test_map(maps, cases):
    found, wanted = read_argoverse1_map(str(maps), 'MIA'), cases.some_lanes()
    assert np.allclose(found.points, wanted.points, atol=1e-4)
    for name in ('ids', 'boxes', 'turns', 'intersections', 'controls'):
        assert np.array_equal(getattr(found, name), getattr(wanted, name))


def test_map_by_rows_of_the_table(maps):
    """The table is in another order, and lacks a lane."""
    ids = maps / 'MIA_10316_tableidx_to_laneid_map.json'
    ids.write_text('{"0": 13, "1": 11}')
    np.save(maps / 'MIA_10316_halluc_bbox_table.npy',
            np.array([[1., 2, 3, 4], [5, 6, 7, 8]]))
    found = read_argoverse1_map(str(maps), 'MIA')
    assert found.ids.tolist() == [11, 13]
    assert found.boxes.tolist() == [[5, 6, 7, 8], [1, 2, 3, 4]]


def test_short_centrelines_end_where_they_end(maps):
    lanes = maps / 'pruned_argoverse_MIA_10316_vector_map.xml'
    text = lanes.read_text()
    for ref in range(3, 10):
        text = text.replace(f'<nd ref="{ref}" />', '')
    lanes.write_text(text)
    first = read_argoverse1_map(str(maps), 'MIA').points[0]
    assert np.array_equal(first[2:], np.repeat(first[2:3], 8, axis=0))


def test_lanes_near(cases):
    """Boxes that touch the square belong to it."""
    lanes = cases.lane_map([((0, 0), (0, 10)), ((20, 0), (20, 10)),
                            ((30, 0), (30, 10))])
    boxes = lanes.boxes
    reach = boxes[1, 0] - 5
    assert lanes.near(np.array([5., 5]), reach).tolist() == [0, 1]
    assert lanes.near(np.array([5., 5]), reach - 1e-9).tolist() == [0]


def test_no_map_of_this_city(maps):
    with pytest.raises(DataNotFoundError,
                       match='no map file .*PIT_10314.*has lanes of MIA'):
        read_argoverse1_map(str(maps), 'PIT')


def damage(name, content):
    def act(maps):
        path = maps / name
        path.write_bytes(content if isinstance(content, bytes)
                         else content(path.read_bytes()))
    return act


BAD_MAPS = {
    'truncated lanes': (damage(
        'pruned_argoverse_MIA_10316_vector_map.xml', lambda b: b[:300]),
        'damaged'),
    'node missing': (damage(
        'pruned_argoverse_MIA_10316_vector_map.xml',
        lambda b: b.replace(b'node id="3"', b'node id="3000"')), 'damaged'),
    'unknown turn': (damage(
        'pruned_argoverse_MIA_10316_vector_map.xml',
        lambda b: b.replace(b'"LEFT"', b'"BACK"')), 'lane 12 has the tags'),
    'table of another city': (damage(
        'MIA_10316_tableidx_to_laneid_map.json',
        b'{"0": 11, "1": 12, "2": 99}'),
        '1 of 3 lanes that .* lacks, the first is 99: they are not of the'),
    'table too short': (damage(
        'MIA_10316_tableidx_to_laneid_map.json', b'{"0": 11}'),
        r'is \(3, 4\), but .* names 1 lanes'),
    'truncated table': (damage(
        'MIA_10316_halluc_bbox_table.npy', lambda b: b[:90]), 'damaged'),
}


@pytest.mark.parametrize('name', BAD_MAPS)
def test_bad_map(maps, name):
    act, message = BAD_MAPS[name]
    act(maps)
    with pytest.raises(DataError, match=message):
        read_argoverse1_map(str(maps), 'MIA')


def test_drivable_area(maps):
    """Rounded city coordinates; row and column 0 count as outside."""
    area = DrivableArea(maps, 'MIA')
    raster = np.arange(12).reshape(3, 4) % 2
    for row in range(-1, 4):
        for column in range(-1, 5):
            wanted = (0 < row < 3 and 0 < column < 4
                      and raster[row, column] == 1)
            found = area.contains(np.array([5.4 + column, 5.6 + row]))
            assert found == wanted, (row, column)
    assert area.contains(np.zeros((2, 3, 2))).shape == (2, 3)


def test_damaged_area(maps):
    damage('MIA_10316_driveable_area_mat_2019_05_28.npy', b'no array')(maps)
    with pytest.raises(DataError, match='damaged'):
        DrivableArea(maps, 'MIA')


def test_real_scenes(shared_data):
    """Facts of the real files."""
    from pathlib import Path
    paths = sorted(Path(shared_data, 'argoverse1/csv_samples').glob('*.csv'))
    assert len(paths) == 6
    for path in paths:
        scene = read_argoverse1(path)
        assert scene.num_future == 30 and scene.city in ('PIT', 'MIA')
        assert scene.kinds[scene.target] == 'AGENT'
        assert scene.seen[scene.kinds.index('AV')].all()
    lanes = read_argoverse1_map(
        str(shared_data / 'argoverse1/map_derived_from_av2'), 'MIA')
    assert len(lanes.ids) == 150
    assert np.bincount(lanes.turns).tolist() == [123, 13, 14]
