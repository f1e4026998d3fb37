"""The answers of somebody who does not see the image."""

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from ..datasets.normalise import normalise_official
from .vqa_accuracy import vqa_accuracy


class BlindAnswers:
    """The best answer to each question by the training questions alone.

    To a question that is there the most frequent answer to it is given; to
    another one the most frequent answer to its type of question, or of all.

    Args:
        items: Training questions, with ``question``, ``question_type`` and
            ``gt_answer``.
    """

    def __init__(self, items: Iterable[dict]) -> None:
        counts: dict[tuple, dict[str, float]] = defaultdict(
            lambda: defaultdict(float))
        # There are ten answers a question, and few of them are new.
        normalise = functools.cache(normalise_official)
        for item in items:
            for answer in map(normalise, item['gt_answer']):
                for key in _keys(item):
                    counts[key][answer] += 1
        self._best = {key: max(found, key=found.get)
                      for key, found in counts.items()}

    def __call__(self, item: dict) -> str:
        """Answer a question."""
        return next(self._best[key] for key in _keys(item)
                    if key in self._best)

    def accuracy(self, items: Sequence[dict]) -> dict[str, float]:
        """Official accuracy in percent, overall and by type of answer."""
        scores = defaultdict(list)
        for item in items:
            score = vqa_accuracy(self(item), item['gt_answer'])
            scores['overall'].append(score)
            scores[item['answer_type']].append(score)
        return {kind: 100 * float(np.mean(found))
                for kind, found in scores.items()}


def _keys(item: dict) -> tuple[tuple, ...]:
    """From the question itself to all questions."""
    return (('question', item['question']),
            ('type', item['question_type']), ('all', ))
