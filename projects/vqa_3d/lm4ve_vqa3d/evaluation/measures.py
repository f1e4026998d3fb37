"""Exact match, over all questions and by their type."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lm4ve_mm.utils.errors import DataError

from ..datasets.questions import TYPES

NEVER = np.iinfo(np.int64).max
TOP = (1, 10)


class Ranked(NamedTuple):
    """One question that was answered.

    Attributes:
        question_type: One of :data:`TYPES`.
        rank: Of the true answer among those of the model, from 0;
            :data:`NEVER` if it is not among them.
        known: Whether the true answer is in the dictionary.
    """

    question_type: str
    rank: int
    known: bool = True


def rank_of(scores: np.ndarray, label: int) -> int:
    """Where a class stands among scores (C, ); 0 is the highest.

    Of equal scores the class of lower number comes first.

    Raises:
        DataError: If the scores are not finite.
    """
    if not np.isfinite(scores).all():
        raise DataError('the model gives scores that are not finite')
    if label < 0:
        return NEVER
    own = scores[label]
    return int((scores > own).sum() + (scores[:label] == own).sum())


def place_among(answers: Sequence[str], truth: str) -> int:
    """Where an answer stands in a list, the best first, letter for letter.
    """
    return answers.index(truth) if truth in answers else NEVER


def exact_match(ranked: Sequence[Ranked]) -> dict[str, float]:
    """EM@1 and EM@10 in percent, and EM@1 of each type that occurs.

    Each over its own questions, not a mean of batches or types.
    """
    ranks = np.array([one.rank for one in ranked])
    kinds = np.array([one.question_type for one in ranked])
    found = {f'EM@{top}': 100 * float((ranks < top).mean()) for top in TOP}
    for kind in TYPES:
        own = ranks[kinds == kind]
        if len(own):
            found[f'EM@1 {kind}'] = 100 * float((own < 1).mean())
    return found
