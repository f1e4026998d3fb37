"""Questions and annotations of SQA3D, as they were released."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lm4ve_mm.utils.errors import DataError

from .answers import read_json

SPLITS = ('train', 'val', 'test')
QUESTIONS = 'v1_balanced_questions_{}_scannetv2.json'
ANNOTATIONS = 'v1_balanced_sqa_annotations_{}_scannetv2.json'
# Questions of the released splits. A first version of the repository had the
# files of val and test under each other's names.
COUNTS = dict(train=26_623, val=3_261, test=3_519)
TYPES = ('what', 'is', 'how', 'can', 'which', 'others')
# The order of the rotation's keys in the files has changed over time.
ROTATION_KEYS = ('_x', '_y', '_z', '_w')
POSITION_KEYS = ('x', 'y', 'z')


class Question(NamedTuple):
    """One question about a scene, asked in a situation.

    Attributes:
        question_id: As in the files.
        scene_id: Such as ``scene0050_00``.
        situation: Where the one who asks is, in words.
        question: The question.
        answer: The one answer; None where it is not known.
        position: x, y, z, relative to the centre of the raw mesh's box.
        rotation: x, y, z, w.
    """

    question_id: int
    scene_id: str
    situation: str
    question: str
    answer: str | None
    position: tuple[float, ...]
    rotation: tuple[float, ...]


def question_type(question: str) -> str:
    """The type by which SQA3D reports: the first word, and nothing else.

    The word as it stands between spaces, in lower case: "What's" is one of
    the others.
    """
    first = question.split(maxsplit=1)[:1]
    word = first[0].lower() if first else ''
    return word if word in TYPES else 'others'


def by_key(held: object, keys: Sequence[str], what: str) -> tuple:
    """Read numbers by their names, whatever their order.

    Raises:
        DataError: If one is missing, or no number.
    """
    if not isinstance(held, dict) or set(held) != set(keys):
        raise DataError(f'{what} should have the keys {", ".join(keys)}; it '
                        f'is {held!r:.120}')
    values = tuple(held[key] for key in keys)
    if not all(isinstance(value, (int, float)) for value in values):
        raise DataError(f'{what} should be numbers, not {held!r:.120}')
    return tuple(map(float, values))


def listed(path: Path, key: str) -> list[dict]:
    """The items of one file.

    Raises:
        DataError: If the file has no such list.
    """
    held = read_json(path)
    if not isinstance(held, dict) or not isinstance(held.get(key), list):
        raise DataError(f'{path} has no list of {key!r}: it is no file of '
                        'SQA3D')
    return held[key]


def read_questions(folder: str | Path, split: str) -> list[Question]:
    """Read a split: questions, in their order, with their annotations.

    Raises:
        DataNotFoundError: If a file is missing.
        DataError: If the files are damaged or do not belong together.
    """
    if split not in SPLITS:
        raise ValueError(f'SQA3D has the splits {", ".join(SPLITS)}, not '
                         f'{split!r}')
    folder = Path(folder)
    asked_in = folder / QUESTIONS.format(split)
    told_in = folder / ANNOTATIONS.format(split)
    asked = listed(asked_in, 'questions')
    told = {one.get('question_id'): one
            for one in listed(told_in, 'annotations')}
    found = []
    for one in asked:
        number = one.get('question_id')
        if number not in told:
            raise DataError(f'{told_in} says nothing of question {number} of '
                            f'{asked_in}')
        try:
            found.append(joined(one, told[number]))
        except KeyError as error:
            raise DataError(f'question {number} in {asked_in} or {told_in} '
                            f'has no {error}') from error
        except DataError as error:
            raise DataError(f'{told_in}, question {number}: {error}'
                            ) from error
    check_not_exchanged(asked_in, split, len(found))
    return found


def joined(asked: dict, told: dict) -> Question:
    """One question with its annotation.

    Raises:
        DataError: If they are of different scenes, or a value has another
            form.
        KeyError: If something is missing.
    """
    if asked['scene_id'] != told['scene_id']:
        raise DataError(f'it is about {told["scene_id"]}, the question about '
                        f'{asked["scene_id"]}')
    answers = told['answers']
    if len(answers) > 1:
        raise DataError(f'it has {len(answers)} answers instead of one')
    return Question(
        int(asked['question_id']), asked['scene_id'], asked['situation'],
        asked['question'], answers[0]['answer'] if answers else None,
        by_key(told['position'], POSITION_KEYS, 'the position'),
        by_key(told['rotation'], ROTATION_KEYS, 'the rotation'))


def check_not_exchanged(path: Path, split: str, count: int) -> None:
    """Refuse val and test under each other's names.

    Raises:
        DataError: If the count is that of the other one.
    """
    other = dict(val='test', test='val').get(split)
    if other and count == COUNTS[other]:
        raise DataError(
            f'{path} holds {count:,} questions, which is the released '
            f'{other} split ({split} has {COUNTS[split]:,}). In the first '
            'version of the SQA3D repository val and test are exchanged: '
            'rename the files, or download the released ones')
