"""The answers that a model chooses from, and how much each is worth."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

# The class of everything that is not in the dictionary.
UNKNOWN = 'unknown'
# answer_weight.json holds counts divided by this.
WEIGHT_TOTAL = 34_170
# Target by how often an answer was given in all splits; more is 1.
SOFT_SCORES = (0., .3, .6, .9)


def read_json(path: str | Path) -> object:
    """Read a JSON file.

    Raises:
        DataNotFoundError: If there is none.
        DataError: If it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f'there is no file {path}')
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f'{path} cannot be read as JSON: {error}') from error


def read_answers(path: str | Path) -> list[str]:
    """Read the classes of ``answer_dict.json``, in the order of the model.

    That order is the reference's: sorted, with ``'unknown'`` for whatever
    is not in the dictionary. SQA3D has 706 answers, hence 707 classes.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is no answer dictionary.
    """
    held = read_json(path)
    form = ('it should hold [{answer: number}, {number: answer}], as '
            'answer_dict.json of SQA3D does')
    if (not isinstance(held, list) or len(held) != 2
            or not all(isinstance(part, dict) for part in held)):
        raise DataError(f'{path} is no answer dictionary: {form}')
    forward, backward = held
    if not forward or {str(v): k for k, v in forward.items()} != backward:
        raise DataError(f'{path} is no answer dictionary: its two halves do '
                        f'not belong together; {form}')
    return sorted({*forward, UNKNOWN})


def write_answers(path: Path, answers: Iterable[str]) -> None:
    """Write ``answer_dict.json``."""
    names = list(answers)
    path.write_text(json.dumps([
        {name: number for number, name in enumerate(names)},
        {str(number): name for number, name in enumerate(names)}]))


def count_answers(path: str | Path,
                  answers: Sequence[str]) -> Counter[str]:
    """Read how often each answer was given, in all splits together.

    Args:
        path: ``answer_counter.json``, a list of all answers of all splits,
            or ``answer_weight.json``, whose shares are of 34,170.
        answers: The classes; what is not among them counts as unknown.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is neither.
    """
    held = read_json(path)
    if isinstance(held, dict):
        try:
            counts = Counter({name: round(share * WEIGHT_TOTAL)
                              for name, share in held.items()})
        except TypeError as error:
            raise DataError(f'{path} holds shares that are no numbers: '
                            f'{error}') from error
        counts[UNKNOWN] += WEIGHT_TOTAL - sum(counts.values())
    elif isinstance(held, list) and all(
            isinstance(name, str) for name in held):
        counts = Counter(held)
    else:
        raise DataError(f'{path} is neither a list of answers '
                        '(answer_counter.json) nor their shares '
                        '(answer_weight.json)')
    return merge_unknown(counts, answers)


def merge_unknown(counts: Counter[str],
                  answers: Sequence[str]) -> Counter[str]:
    """Count what is not among the classes as unknown, if that is a class."""
    merged: Counter[str] = Counter()
    for name, count in counts.items():
        merged[class_name(name, answers)] += count
    return merged


def class_name(answer: str, answers: Sequence[str]) -> str:
    """The class of an answer: itself, or unknown where that is a class."""
    return UNKNOWN if answer not in answers and UNKNOWN in answers else answer


def soft_score(count: int) -> float:
    """The target of an answer that was given ``count`` times in all."""
    return SOFT_SCORES[count] if count < len(SOFT_SCORES) else 1.
