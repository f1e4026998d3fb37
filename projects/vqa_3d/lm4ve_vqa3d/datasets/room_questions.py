"""Situations in generated rooms, and questions about them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .questions import Question
from .room_furniture import COLOURS, KINDS, LANDMARKS
from .room_scene import Room, to_raw
from .situations import from_heading, to_matrix, to_quaternion

# Where something is, as quarter turns to the left from where one faces.
RELATIONS = {0: 'in front of me', 1: 'on my left', 2: 'behind me',
             3: 'on my right'}
STEP_BACK = .6
FACES = ('I am standing in the middle of the room facing the {ahead}.',
         'I am in the middle and looking at the {ahead}.')
BACKS = ('I am leaning on the wall and facing the {ahead}.', )
SITUATIONS = 4


class Pose(NamedTuple):
    """Where someone is in a room.

    Attributes:
        facing: The wall that is faced.
        back: Whether the opposite wall is near.
        text: The same in words.
    """

    facing: int
    back: bool
    text: str

    def at(self, relation: int) -> int:
        """The wall in a direction, in quarter turns to the left."""
        return (self.facing + relation) % 4


def draw_pose(rng: np.random.Generator) -> Pose:
    """Stand somewhere and face a wall."""
    facing, back = int(rng.integers(4)), bool(rng.random() < .4)
    names = list(LANDMARKS)
    text = str(rng.choice(BACKS if back else FACES)).format(
        ahead=names[facing])
    return Pose(facing, back, text)


def somewhere(room: Room, pose: Pose, rng: np.random.Generator) -> int:
    """A direction in which something stands."""
    return int(rng.choice([(side - pose.facing) % 4
                           for side in room.things]))


def yes_no(truth: bool) -> str:
    """The answer to a question of that kind."""
    return 'yes' if truth else 'no'


def half(rng: np.random.Generator, right: str, names) -> str:
    """The right name every second time, else another one."""
    if rng.random() < .5:
        return right
    return str(rng.choice([name for name in names if name != right]))


def what_is(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name something by its place."""
    relation = somewhere(room, pose, rng)
    return (f'What is {RELATIONS[relation]}?',
            room.things[pose.at(relation)].name)


def what_colour(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name a colour by the place."""
    relation = somewhere(room, pose, rng)
    return (f'What color is the thing {RELATIONS[relation]}?',
            room.things[pose.at(relation)].colour)


def what_nearest(room: Room, pose: Pose, rng) -> tuple[str, str] | None:
    """Name what is nearest, where something is near."""
    if not pose.back or pose.at(2) not in room.things:
        return None
    return 'What is nearest to me?', room.things[pose.at(2)].name


def is_there(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Whether a kind is in a place."""
    relation = somewhere(room, pose, rng)
    there = room.things[pose.at(relation)].name
    asked = half(rng, there, KINDS)
    return (f'Is there a {asked} {RELATIONS[relation]}?',
            yes_no(asked == there))


def is_coloured(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Whether something has a colour."""
    relation = somewhere(room, pose, rng)
    there = room.things[pose.at(relation)].colour
    asked = half(rng, there, COLOURS)
    return (f'Is the thing {RELATIONS[relation]} {asked}?',
            yes_no(asked == there))


def how_coloured(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name a colour by the place, in other words."""
    relation = somewhere(room, pose, rng)
    return (f'How is the thing {RELATIONS[relation]} painted?',
            room.things[pose.at(relation)].colour)


def can_sit(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Whether something is a seat."""
    relation = somewhere(room, pose, rng)
    kind = KINDS[room.things[pose.at(relation)].name]
    return (f'Can I sit on the thing {RELATIONS[relation]}?',
            yes_no(kind.seat))


def can_see(room: Room, pose: Pose, rng) -> tuple[str, str] | None:
    """Whether a kind is there without turning round."""
    if pose.at(0) not in room.things:
        return None
    asked = half(rng, room.things[pose.at(0)].name, KINDS)
    return (f'Can I see a {asked} straight ahead?',
            yes_no(room.things[pose.at(0)].name == asked))


def which_colour(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name a colour by the place."""
    relation = somewhere(room, pose, rng)
    return (f'Which color does the thing {RELATIONS[relation]} have?',
            room.things[pose.at(relation)].colour)


def name_it(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name something; the first word is none of the types."""
    relation = somewhere(room, pose, rng)
    return (f'Name the thing {RELATIONS[relation]}.',
            room.things[pose.at(relation)].name)


ASKS: tuple[Callable, ...] = (
    what_is, what_colour, what_nearest, is_there, is_coloured, how_coloured,
    can_sit, can_see, which_colour, name_it)
ANSWERS = (*KINDS, *COLOURS, 'yes', 'no')


def placed(room: Room, pose: Pose, raw_centre: np.ndarray,
           rng: np.random.Generator) -> tuple[tuple, tuple]:
    """Position and rotation as annotations have them.

    The position is relative to the centre of the raw box, and its z is 0;
    the rotation turns (-1, 0, 0) to where one faces, in the raw frame.
    """
    ahead = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])[pose.facing]
    there = rng.uniform(-.15, .15, 2) - STEP_BACK * pose.back * ahead
    raw = to_raw(np.array([[*there, 0.]]), room.alignment)[0] - raw_centre
    turn = room.alignment[:3, :3].T @ to_matrix(
        from_heading(90 * pose.facing))
    return (raw[0], raw[1], 0.), tuple(to_quaternion(turn))


def ask(room: Room, raw_centre: np.ndarray, first_id: int,
        rng: np.random.Generator) -> list[Question]:
    """Stand in a room in some situations and ask every question in each."""
    found = []
    for _ in range(SITUATIONS):
        pose = draw_pose(rng)
        position, rotation = placed(room, pose, raw_centre, rng)
        for make in ASKS:
            made = make(room, pose, rng)
            if made is not None:
                found.append(Question(
                    first_id + len(found), room.scene_id, pose.text, *made,
                    position, rotation))
    return found
