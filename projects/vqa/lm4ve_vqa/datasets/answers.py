"""The answers that a head chooses from, and the targets made of them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from lm4ve_mm.utils.errors import DataError
from lm4ve_mm.utils.files import replacing

from .json_files import read_json
from .normalise import normalise_glossary

# Of METER, ViLT and everything else since bottom-up attention.
MIN_COUNT = 9
NUM_ANSWERS = 3129
# Of the ten people, how many gave an answer -> what it is worth.
SCORES = (0., .3, .6, .9, 1.)


def count_answers(majority: Iterable[str]) -> Counter:
    """Count normalised answers; the order is that of first appearance.

    Args:
        majority: ``multiple_choice_answer`` of each question, those of the
            training set before those of the validation set.
    """
    return Counter(map(normalise_glossary, majority))


def choose_answers(counts: Counter, min_count: int = MIN_COUNT) -> list[str]:
    """The answers that are frequent enough; their places are the labels."""
    return [answer for answer, count in counts.items() if count >= min_count]


def soft_target(given: Sequence[str],
                labels: dict[str, int]) -> tuple[list[int], list[float]]:
    """Labels and scores of one question.

    Args:
        given: The ten answers, as they were written: not normalised.
        labels: Answer -> label; answers that are not in it are dropped.
    """
    known = [(labels[answer], SCORES[min(count, 4)])
             for answer, count in Counter(given).items() if answer in labels]
    return [label for label, _ in known], [score for _, score in known]


def write_answers(path: str | Path, answers: Sequence[str]) -> None:
    """Write a vocabulary as a JSON list, in the order of the labels."""
    with replacing(Path(path)) as temporary:
        Path(temporary).write_text(
            json.dumps(list(answers), indent=1, ensure_ascii=False),
            encoding='utf-8')


def read_answers(path: str | Path) -> list[str]:
    """Read the answers of a head, in the order of its labels.

    Args:
        path: A JSON file: a list of answers, as
            ``tools/build_vqa_answers.py`` writes it, or a dict answer ->
            label, as other projects publish it.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is something else.
    """
    held = read_json(path, 'answers')
    if isinstance(held, dict):
        if sorted(held.values(), key=str) != sorted(
                range(len(held)), key=str):
            raise DataError(f'{path} is a dict, but its values are not the '
                            f'labels 0 to {len(held) - 1}')
        held = sorted(held, key=held.get)
    if not isinstance(held, list) or not held or not all(
            isinstance(answer, str) for answer in held):
        raise DataError(f'{path} is neither a JSON list of answers nor a dict '
                        'answer -> label; tools/build_vqa_answers.py writes '
                        'one')
    if len(set(held)) != len(held):
        double, _ = Counter(held).most_common(1)[0]
        raise DataError(f'{path} has the answer {double!r} more than once')
    return held
