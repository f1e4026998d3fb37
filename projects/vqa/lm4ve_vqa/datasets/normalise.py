"""How answers are made comparable, in two ways that differ at the edges.

The steps themselves are MMPretrain's, which equal those of the official
evaluator: punctuation, then numbers, articles and contractions.
"""

from mmpretrain.evaluation.metrics.vqa import (
    _process_digit_article as process_words,
)
from mmpretrain.evaluation.metrics.vqa import (
    _process_punctuation as process_punctuation,
)


def normalise_official(answer: str) -> str:
    """Normalise as the official evaluator does when answers differ."""
    return process_words(process_punctuation(strip_lines(answer)))


def normalise_glossary(answer: str) -> str:
    """Normalise as ViLT and METER do when they build the vocabulary.

    Lines and tabs stay until the punctuation is gone, which matters for
    marks beside them; and no comma is left.
    """
    return process_words(process_punctuation(answer)).replace(',', '')


def strip_lines(answer: str) -> str:
    """What the official evaluator does to every answer."""
    return answer.replace('\n', ' ').replace('\t', ' ').strip()
