"""Questions, annotations and images of VQAv2, checked against each other."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

from .json_files import list_of, read_json

NUM_GIVEN = 10
SHOWN = 3


class Part(NamedTuple):
    """One published part of VQAv2.

    Attributes:
        questions: Name of its question file.
        annotations: Of its annotations; empty if they are not published.
        images: Folder of the images, also in their names.
        num_questions: As published; 0 if not known for certain.
        num_images: As published.
    """

    questions: str
    annotations: str
    images: str
    num_questions: int
    num_images: int

    def image(self, image_id: int) -> str:
        """Name of an image file."""
        return f'COCO_{self.images}_{image_id:012d}.jpg'


def _part(name: str, images: str, answered: bool, *counts: int) -> Part:
    return Part(
        f'v2_OpenEnded_mscoco_{name}_questions.json',
        f'v2_mscoco_{name}_annotations.json' if answered else '',
        images, *counts)


PARTS = {
    'train': _part('train2014', 'train2014', True, 443_757, 82_783),
    'val': _part('val2014', 'val2014', True, 214_354, 40_504),
    'test': _part('test2015', 'test2015', False, 447_793, 81_434),
    'test-dev': _part('test-dev2015', 'test2015', False, 0, 81_434),
}


def some(items: Sequence) -> str:
    """The first few of many, for messages."""
    more = ', ...' if len(items) > SHOWN else ''
    return ', '.join(map(str, items[:SHOWN])) + more


def read_questions(root: Path, part: Part) -> list[dict]:
    """The questions of a part: question, question_id, image_id."""
    path = root / part.questions
    found = list_of(read_json(path, 'questions'), 'questions',
                    ('question', 'question_id', 'image_id'), path)
    _no_doubles([one['question_id'] for one in found], path)
    return found


def read_annotations(root: Path, part: Part) -> list[dict]:
    """The annotations of a part."""
    path = root / part.annotations
    found = list_of(
        read_json(path, 'annotations'), 'annotations',
        ('question_id', 'image_id', 'question_type', 'answer_type',
         'multiple_choice_answer', 'answers'), path)
    _no_doubles([one['question_id'] for one in found], path)
    for one in found:
        if len(one['answers']) != NUM_GIVEN:
            raise DataError(
                f'{path}: question {one["question_id"]} has '
                f'{len(one["answers"])} answers instead of {NUM_GIVEN}')
    return found


def _no_doubles(ids: list[int], path: Path) -> None:
    if len(set(ids)) != len(ids):
        seen: set[int] = set()
        double = next(i for i in ids if i in seen or seen.add(i))
        raise DataError(f'{path} has question_id {double} more than once')


def match(questions: list[dict], annotations: list[dict],
          where: Callable[[], str]) -> list[dict]:
    """The annotation of each question, in the order of the questions.

    Args:
        questions: Of a part.
        annotations: Of the same part.
        where: Names the two files.

    Raises:
        DataError: If one has no counterpart, or is about another image.
    """
    by_id = {one['question_id']: one for one in annotations}
    ids = [one['question_id'] for one in questions]
    alone = [i for i in ids if i not in by_id]
    if alone:
        raise DataError(f'{where()}: {len(alone)} of {len(ids)} questions '
                        f'have no annotation (question_id {some(alone)})')
    if len(by_id) > len(ids):
        alone = sorted(by_id.keys() - set(ids))
        raise DataError(f'{where()}: {len(alone)} annotations have no '
                        f'question (question_id {some(alone)})')
    for one in questions:
        other = by_id[one['question_id']]['image_id']
        if other != one['image_id']:
            raise DataError(
                f'{where()}: question {one["question_id"]} is about image '
                f'{one["image_id"]}, its annotation about {other}')
    return [by_id[i] for i in ids]


def check_images(folder: Path, part: Part, questions: list[dict]) -> None:
    """Every question has to have its image.

    Raises:
        DataNotFoundError: If the folder or images are missing.
    """
    if not folder.is_dir():
        raise DataNotFoundError(f'there is no folder of images {folder}')
    held = set(os.listdir(folder))
    wanted = dict.fromkeys(part.image(one['image_id']) for one in questions)
    missing = [name for name in wanted if name not in held]
    if missing:
        raise DataNotFoundError(
            f'{len(missing)} of {len(wanted)} images that '
            f'{part.questions} asks about are not in {folder}: '
            f'{some(missing)}')
