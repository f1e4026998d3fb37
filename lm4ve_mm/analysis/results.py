"""What a model got right, sample by sample, and the file that keeps it."""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lm4ve_mm.utils.errors import DataError, DataNotFoundError
from lm4ve_mm.utils.files import replacing

FORMAT = 'lm4ve_mm per-sample results, 1'


class SampleResults(NamedTuple):
    """One test of one model.

    Args:
        ids: Names of the samples, sorted, each once.
        correct: (N, ) bool, in the order of ``ids``.
        about: What was tested: ``config``, ``checkpoint_sha256``, ``seed``,
            ``precision``, ``pipeline_sha256``, ... as far as known.
    """

    ids: tuple[str, ...]
    correct: np.ndarray
    about: dict[str, Any]

    @property
    def accuracy(self) -> float:
        """Share of correct answers, 0 to 1."""
        return float(self.correct.mean())


def collect(ids: Sequence[str], correct: Sequence[bool],
            about: dict[str, Any] | None = None) -> SampleResults:
    """Put answers into the order of their names.

    Args:
        ids: Names of the samples; paths lose the folder common to all.
        correct: Whether each was answered right.
        about: See :class:`SampleResults`.

    Raises:
        DataError: If a name comes twice, or there is none.
    """
    if not ids:
        raise DataError('there are no samples to keep results of')
    names = _below_common_folder([str(name) for name in ids])
    # Not by numpy, which takes four bytes for each letter of the longest.
    order = sorted(range(len(names)), key=names.__getitem__)
    names = [names[k] for k in order]
    for one, other in zip(names, names[1:]):
        if one == other:
            raise DataError(f'the sample {one!r} has more than one result: '
                            'results are compared by name, each needs its own')
    return SampleResults(
        tuple(names), np.asarray(correct, bool)[order], dict(about or {}))


def _below_common_folder(names: list[str]) -> list[str]:
    """Names that do not depend on where the data lie."""
    if len(names) < 2 or not all(os.sep in name for name in names):
        return names
    try:
        common = os.path.commonpath(names)
    except ValueError:  # absolute and relative ones
        return names
    return [os.path.relpath(name, common) for name in names] if common else (
        names)


def write_results(path: str | Path, results: SampleResults) -> None:
    """Write a JSON file: one bit a sample, their names once."""
    bits = np.packbits(results.correct)
    held = dict(
        format=FORMAT,
        about=results.about,
        accuracy=results.accuracy,
        count=len(results.ids),
        ids_sha256=digest_of(results.ids),
        correct=base64.b64encode(bits.tobytes()).decode(),
        ids=list(results.ids))
    with replacing(Path(path)) as temporary:
        with open(temporary, 'w') as file:
            json.dump(held, file, indent=1)  # piece by piece


def digest_of(ids: Sequence[str]) -> str:
    """Sha256 of the names, for a quick comparison."""
    return hashlib.sha256('\n'.join(ids).encode()).hexdigest()


def read_results(path: str | Path) -> SampleResults:
    """Read what :func:`write_results` wrote.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is something else, or does not hold together.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(
            f'there is no file {path}; tools/test.py --results writes one')
    try:
        held = json.loads(path.read_text())
        if not isinstance(held, dict) or held.get('format') != FORMAT:
            raise ValueError(f'"format" is not {FORMAT!r}')
        ids = tuple(held['ids'])
        bits = np.frombuffer(base64.b64decode(held['correct']), np.uint8)
        correct = np.unpackbits(bits, count=len(ids)).astype(bool)
        about, count, digest = (
            held[key] for key in ('about', 'count', 'ids_sha256'))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{path} does not hold per-sample results: {error!r}. '
            'tools/test.py --results FILE.json writes them') from error
    if count != len(ids) or digest != digest_of(ids) or 8 * len(
            bits) - len(ids) not in range(8):
        raise DataError(f'{path} was changed or cut off: its names and its '
                        'answers do not fit each other')
    return SampleResults(ids, correct, about)
