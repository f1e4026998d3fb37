"""Questions about four coloured digits, ten answers each, and captions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from numpy.random import Generator

from .grid_pictures import COLOURS, PLACES, Picture
from .vqav2_files import NUM_GIVEN

YES_NO = ('yes', 'no')
NUMBERS = tuple(map(str, range(10)))
WORDS = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven',
         'eight', 'nine')
# Chances that some people disagree, and that some write a number as a word.
DISAGREE = .4
SPELL = .2


class Question(NamedTuple):
    """A question with its true answer.

    Attributes:
        text: The question.
        answer: What is right.
        kind: ``answer_type`` of VQAv2.
        start: ``question_type``: how it begins.
        others: What somebody may answer who is wrong.
    """

    text: str
    answer: str
    kind: str
    start: str
    others: Sequence[str]


def _one_of(rng: Generator, items: Sequence):
    return items[int(rng.integers(len(items)))]


def _is_there(picture: Picture, rng: Generator) -> Question:
    """Half of the time it is there."""
    digits = set(picture.digits)
    if rng.random() < .5:
        digits = set(range(10)) - digits
    digit = _one_of(rng, sorted(digits))
    return Question(f'Is there a {digit}?',
                    'yes' if digit in picture.digits else 'no', 'yes/no',
                    'is there a', YES_NO)


def _is_it_red(picture: Picture, rng: Generator) -> Question:
    """Half of the time it is."""
    place = _one_of(rng, range(len(PLACES)))
    true = picture.colours[place]
    colour = true if rng.random() < .5 else _one_of(
        rng, [name for name in COLOURS if name != true])
    return Question(f'Is the digit at the {PLACES[place]} {colour}?',
                    'yes' if colour == true else 'no', 'yes/no', 'is the',
                    YES_NO)


def _how_many(picture: Picture, rng: Generator) -> Question:
    colour = _one_of(rng, list(COLOURS))
    return Question(f'How many digits are {colour}?',
                    str(picture.colours.count(colour)), 'number', 'how many',
                    NUMBERS[:len(PLACES) + 1])


def _which_digit(picture: Picture, rng: Generator) -> Question:
    place = _one_of(rng, range(len(PLACES)))
    return Question(f'Which digit is at the {PLACES[place]}?',
                    str(picture.digits[place]), 'number', 'which', NUMBERS)


def _what_colour(picture: Picture, rng: Generator) -> Question:
    place = _one_of(rng, range(len(PLACES)))
    return Question(f'What color is the digit at the {PLACES[place]}?',
                    picture.colours[place], 'other', 'what color is the',
                    list(COLOURS))


def _where(picture: Picture, rng: Generator) -> Question | None:
    """Only of a digit that is there once: no other has one place."""
    once = picture.once()
    if not once:
        return None
    place = _one_of(rng, once)
    return Question(f'Where is the {picture.digits[place]}?', PLACES[place],
                    'other', 'where is the', PLACES)


def _colour_of(picture: Picture, rng: Generator) -> Question | None:
    """Only of a digit that is there once."""
    once = picture.once()
    if not once:
        return None
    place = _one_of(rng, once)
    return Question(f'What color is the {picture.digits[place]}?',
                    picture.colours[place], 'other', 'what color is the',
                    list(COLOURS))


KINDS: tuple[Callable[[Picture, Generator], Question | None], ...] = (
    _is_there, _is_it_red, _how_many, _which_digit, _what_colour, _where,
    _colour_of)


def ask(picture: Picture, rng: Generator) -> list[Question]:
    """One question of each kind that the picture allows."""
    found = (kind(picture, rng) for kind in KINDS)
    return [question for question in found if question is not None]


def ten_answers(question: Question, rng: Generator) -> list[str]:
    """What ten people say: most of them are right.

    One or two may be wrong, and some may write a number as a word, which
    the official metric takes for the same.
    """
    given = [question.answer] * NUM_GIVEN
    if rng.random() < DISAGREE:
        wrong = [one for one in question.others if one != question.answer]
        for place in range(int(rng.integers(1, 3))):
            given[place] = _one_of(rng, wrong)
    if question.answer in NUMBERS and rng.random() < SPELL:
        for place in range(4, 4 + int(rng.integers(1, 3))):
            given[place] = WORDS[int(question.answer)]
    return [given[place] for place in rng.permutation(NUM_GIVEN)]


def captions(picture: Picture) -> list[str]:
    """Three descriptions, each of everything that is there."""
    a, b, c, d = picture.named()
    return [
        f'A {a} and a {b} above a {c} and a {d}.',
        f'Top row: {a}, {b}; bottom row: {c}, {d}.',
        f'On the left a {a} over a {c}, on the right a {b} over a {d}.',
    ]
