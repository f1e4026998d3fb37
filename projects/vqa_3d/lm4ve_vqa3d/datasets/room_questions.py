"""Situations in generated rooms, and questions about them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .questions import Question
from .room_furniture import COLOURS, KINDS, LANDMARKS, Thing
from .room_scene import Room, to_raw
from .situations import from_heading, to_matrix, to_quaternion

# Where something is, as quarter turns to the left from where one faces.
RELATIONS = {0: 'in front of me', 1: 'on my left', 2: 'behind me',
             3: 'on my right'}
STEP_BACK = .6
FACES = ('I am facing the {ahead}.', 'I am looking at the {ahead}.')
BACKS = ('I am leaning on the wall and facing the {ahead}.', )
# How many of the questions name a wall by what hangs there.
DIRECT = .25
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


def somewhere(room: Room, pose: Pose,
              rng: np.random.Generator) -> tuple[str, Thing]:
    """Where something stands, in words, and what it is.

    Every fourth time the words name what hangs on its wall, which needs no
    situation.
    """
    side = int(rng.choice(list(room.things)))
    where = RELATIONS[(side - pose.facing) % 4]
    if rng.random() < DIRECT:
        where = f'next to the {list(LANDMARKS)[side]}'
    return where, room.things[side]


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
    where, thing = somewhere(room, pose, rng)
    return f'What is {where}?', thing.name


def what_colour(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name a colour by the place."""
    where, thing = somewhere(room, pose, rng)
    return f'What color is the thing {where}?', thing.colour


def what_nearest(room: Room, pose: Pose, rng) -> tuple[str, str] | None:
    """Name what is nearest, where something is near."""
    if not pose.back or pose.at(2) not in room.things:
        return None
    return 'What is nearest to me?', room.things[pose.at(2)].name


def is_there(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Whether a kind is in a place."""
    where, thing = somewhere(room, pose, rng)
    asked = half(rng, thing.name, KINDS)
    return f'Is there a {asked} {where}?', yes_no(asked == thing.name)


def is_coloured(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Whether something has a colour."""
    where, thing = somewhere(room, pose, rng)
    asked = half(rng, thing.colour, COLOURS)
    return f'Is the thing {where} {asked}?', yes_no(asked == thing.colour)


def how_used(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """What something is for."""
    where, thing = somewhere(room, pose, rng)
    return f'How do I use the thing {where}?', KINDS[thing.name].use


def can_sit(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Whether something is a seat."""
    where, thing = somewhere(room, pose, rng)
    return (f'Can I sit on the thing {where}?',
            yes_no(KINDS[thing.name].use == 'sit'))


def can_see(room: Room, pose: Pose, rng) -> tuple[str, str] | None:
    """Whether a kind is there without turning round."""
    if pose.at(0) not in room.things:
        return None
    asked = half(rng, room.things[pose.at(0)].name, KINDS)
    return (f'Can I see a {asked} straight ahead?',
            yes_no(room.things[pose.at(0)].name == asked))


def which_thing(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name something by its place, in other words."""
    where, thing = somewhere(room, pose, rng)
    return f'Which thing is {where}?', thing.name


def name_it(room: Room, pose: Pose, rng) -> tuple[str, str]:
    """Name something; the first word is none of the types."""
    where, thing = somewhere(room, pose, rng)
    return f'Name the thing {where}.', thing.name


ASKS: tuple[Callable, ...] = (
    what_is, what_colour, what_nearest, is_there, is_coloured, how_used,
    can_sit, can_see, which_thing, name_it)
USES = tuple(dict.fromkeys(kind.use for kind in KINDS.values()))
ANSWERS = (*KINDS, *COLOURS, *USES, 'yes', 'no')


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
