"""Sheets of questions, answers and what the model looked at."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from lm4ve_mm.analysis.pictures import ImagePicture
from lm4ve_mm.apis import drawing

COLUMNS = 4


class Shown(NamedTuple):
    """One question with its image.

    Attributes:
        image: (H, W, 3) uint8, as the model saw it.
        activation: (rows, columns), 0 to 1.
        question: The text.
        answer: Of the model.
        score: How sure it is, 0 to 1.
        truth: The most frequent answer of people; None where not known.
        right: Whether the official metric gives the answer anything.
    """

    image: np.ndarray
    activation: np.ndarray
    question: str
    answer: str
    score: float
    truth: str | None = None
    right: bool = True

    def caption(self) -> str:
        """Question and answer, with the truth where it is known."""
        said = f'{self.question}\n{self.answer} ({self.score:.0%})'
        if self.truth is not None:
            said += f', people say {self.truth}'
        return said


def heat(axis, shown: Shown) -> None:
    """Draw the activation of the tokens over the image."""
    ImagePicture(shown.image, shown.activation.shape).overlay(
        axis, shown.activation.ravel())


def draw_sheet(rows: Sequence[Shown], out: Path,
               columns: int = COLUMNS) -> None:
    """Draw questions: the image, and the activation beside it.

    Args:
        rows: What to draw.
        out: The picture to write.
        columns: Questions side by side.
    """
    columns = min(columns, len(rows))
    lines = math.ceil(len(rows) / columns)
    figure = Figure((3.6 * columns, 2.3 * lines))
    axes = figure.subplots(lines, 2 * columns, squeeze=False)
    for axis in axes.flat:
        axis.axis('off')
    for place, shown in enumerate(rows):
        line, column = divmod(place, columns)
        left, right = axes[line, 2 * column:2 * column + 2]
        left.imshow(shown.image)
        left.set_title(shown.caption(), fontsize=8, loc='left',
                       color='black' if shown.right else 'red')
        heat(right, shown)
    drawing.save(figure, out)


def draw_ranking(images: Sequence[np.ndarray], scores: Sequence[float],
                 sentence: str, out: Path) -> None:
    """Draw the best images for a sentence, from left to right."""
    figure = Figure((2. * len(images), 2.6))
    axes = figure.subplots(1, len(images), squeeze=False)[0]
    for axis, image, score in zip(axes, images, scores):
        axis.imshow(image)
        axis.set_title(f'{score:.2f}', fontsize=8)
        axis.axis('off')
    figure.suptitle(sentence, fontsize=9)
    drawing.save(figure, out)
