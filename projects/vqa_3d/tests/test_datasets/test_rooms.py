"""Generated rooms: their frame, their questions, their files."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from lm4ve_vqa3d.datasets.questions import TYPES
from lm4ve_vqa3d.datasets.room_furniture import COLOURS, KINDS, LANDMARKS
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


def around(info):
    """Names in the four directions, out of boxes and the situation alone."""
    scene, ahead = info['scene'], info['rotation'] @ FACING
    kinds = {LABEL[name]: name for name in LABEL}
    found = {}
    for box in scene.boxes:
        # From the middle, which the wall behind one is not.
        turn = (np.arctan2(box[1], box[0]) - np.arctan2(ahead[1], ahead[0]))
        side = round(turn / (np.pi / 2)) % 4
        found.setdefault(side, []).append(kinds[int(box[6])])
    return found


LABEL = dict(chair=5, sofa=6, table=7, bed=4, refrigerator=24,
             picture=11, window=9, curtain=16, door=8)


def test_answers_follow_from_position_and_rotation(rooms):
    """The frame convention of the real data, through the alignment."""
    seen = Counter()
    for row in range(len(rooms)):
        info = rooms.get_data_info(row)
        names = around(info)
        assert sorted(names) == [0, 1, 2, 3]
        text = info['situation_text']
        ahead, = [name for name in names[0] if name in LANDMARKS]
        assert f' the {ahead}.' in text
        for side, relation in RELATIONS.items():
            if relation not in info['question_text']:
                continue
            kind, = [name for name in names[side] if name in KINDS]
            if info['question_text'] in (f'What is {relation}?',
                                         f'Name the thing {relation}.'):
                assert info['answer'] == kind
                seen[relation] += 1
        position = info['position']
        centre = info['scene'].raw_centre
        assert abs(position[:2]).max() < .8
        aligned_z = (info['scene'].alignment[2, :3] @ centre
                     + info['scene'].alignment[2, 3])
        assert position[2] == pytest.approx(aligned_z)
        if 'leaning' in text:
            assert position[:2] @ (info['rotation'] @ FACING)[:2] < -.4
    assert len(seen) == 4


def test_points_are_what_the_questions_say(rooms):
    """Colours of the points of a thing that is asked about."""
    checked = 0
    for row in range(len(rooms)):
        info = rooms.get_data_info(row)
        text = info['question_text']
        if info['answer'] not in COLOURS:
            continue
        side, = [side for side, name in RELATIONS.items() if name in text]
        kind, = [name for name in around(info)[side] if name in KINDS]
        scene = info['scene']
        seen = [scene.vertices[scene.instances == box[7], 3:6].mean(0)
                for box in scene.boxes if box[6] == LABEL[kind]]
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
    assert len(rooms.answers) == 12
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
