"""Generated rooms: their frame, their questions, their files."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from lm4ve_vqa3d.datasets.questions import TYPES
from lm4ve_vqa3d.datasets.room_furniture import COLOURS, LANDMARKS
from lm4ve_vqa3d.datasets.room_questions import RELATIONS
from lm4ve_vqa3d.datasets.rooms import SETTINGS, Rooms
from lm4ve_vqa3d.datasets.situations import FACING, from_heading, heading_of

from lm4ve_mm.utils.errors import DataError

SIZES = dict(train=6, val=2, test=2)


@pytest.fixture(scope='module')
def rooms(tmp_path_factory):
    return Rooms('train', str(tmp_path_factory.mktemp('made') / 'rooms'),
                 **SIZES)


def test_facing():
    """The direction is the rotation applied to (-1, 0, 0)."""
    assert FACING.tolist() == [-1, 0, 0]
    for degrees in (0, 90, 200, -45):
        wanted = np.radians(degrees)
        np.testing.assert_allclose(
            heading_of(from_heading(degrees)),
            [np.cos(wanted), np.sin(wanted), 0], atol=1e-12)


def quarter(vector):
    """The wall, 0 to 3, in a direction from the middle."""
    return round(np.arctan2(vector[1], vector[0]) / (np.pi / 2)) % 4


def around(info):
    """Furniture by its direction, out of boxes and the situation alone."""
    # From the middle, which the wall behind one is not.
    ahead = quarter(info['rotation'] @ FACING)
    return {(quarter(box) - ahead) % 4: KIND[int(box[6])]
            for box in info['scene'].boxes}


def relation_of(info):
    """The direction that a question asks about; None if it names none."""
    text = info['question_text']
    ahead = quarter(info['rotation'] @ FACING)
    for side, name in enumerate(LANDMARKS):
        if f'next to the {name}' in text:
            return (side - ahead) % 4
    return next((side for side, name in RELATIONS.items() if name in text),
                None)


KIND = {5: 'chair', 6: 'sofa', 7: 'table', 4: 'bed', 24: 'refrigerator'}


def test_answers_follow_from_position_and_rotation(rooms):
    """The frame convention of the real data, through the alignment."""
    seen, direct = Counter(), 0
    for row in range(len(rooms)):
        info = rooms.get_data_info(row)
        names = around(info)
        assert len(names) == 2
        text = info['situation_text']
        ahead = list(LANDMARKS)[quarter(info['rotation'] @ FACING)]
        assert f' the {ahead}.' in text
        relation = relation_of(info)
        if info['question_text'].startswith(('What is ', 'Name the')) and (
                relation is not None):
            assert info['answer'] == names[relation]
            seen[relation] += 1
            direct += 'next to the' in info['question_text']
        position = info['position']
        centre = info['scene'].raw_centre
        assert abs(position[:2]).max() < .8
        aligned_z = (info['scene'].alignment[2, :3] @ centre
                     + info['scene'].alignment[2, 3])
        assert position[2] == pytest.approx(aligned_z)
        if 'leaning' in text:
            assert position[:2] @ (info['rotation'] @ FACING)[:2] < -.4
    assert len(seen) == 4
    assert 0 < direct < sum(seen.values()) / 2


def test_points_are_what_the_questions_say(rooms):
    """Colours of the points of a thing that is asked about."""
    checked = 0
    for row in range(len(rooms)):
        info = rooms.get_data_info(row)
        if info['answer'] not in COLOURS:
            continue
        kind = around(info)[relation_of(info)]
        scene = info['scene']
        seen = [scene.vertices[scene.instances == box[7], 3:6].mean(0)
                for box in scene.boxes if KIND[int(box[6])] == kind]
        nearest = {min(COLOURS, key=lambda name: np.abs(
            own - COLOURS[name]).sum()) for own in seen}
        assert info['answer'] in nearest
        checked += 1
    assert checked > 5


def test_questions_are_of_all_types_and_answers_known(rooms):
    items = rooms.load_data_list()
    assert {one['question_type'] for one in items} == set(TYPES)
    assert {one['answer'] for one in items} <= set(rooms.answers)
    assert len({one['question_id'] for one in items}) == len(items)
    assert len(rooms.answers) == 16
    counts = Counter(one['answer'] for one in items
                     if one['question_type'] in ('is', 'can'))
    assert .3 < counts['yes'] / sum(counts.values()) < .7


def test_the_same_files_again(rooms, tmp_path):
    """Same settings, same bytes; other rooms in a folder are refused."""
    again = Rooms('val', str(tmp_path / 'rooms'), **SIZES)
    one, other = Path(rooms.data_root), Path(again.data_root)
    names = sorted(path.relative_to(one) for path in one.rglob('*')
                   if path.is_file())
    assert len(names) > 60
    # What hangs on a wall is a part of it.
    labels = np.load(one / 'scannet_data/scene1000_00_sem_label.npy')
    assert set(labels) <= {1, 2, *KIND}
    assert all((one / name).read_bytes() == (other / name).read_bytes()
               for name in names)
    assert json.loads((other / SETTINGS).read_text())['train'] == 6
    with pytest.raises(DataError, match='remove it, or give another'):
        Rooms('val', str(tmp_path / 'rooms'), **SIZES, seed=1)
    with pytest.raises(ValueError, match='all have to be from 1 to 1000'):
        Rooms('val', str(tmp_path / 'none'), train=0)


def test_splits_have_rooms_of_their_own(rooms):
    scenes = {split: {one['scene_id'] for one in Rooms(
        split, rooms.data_root, **SIZES).load_data_list()}
        for split in SIZES}
    assert {split: len(names) for split, names in scenes.items()} == SIZES
    assert len(set.union(*scenes.values())) == 10
