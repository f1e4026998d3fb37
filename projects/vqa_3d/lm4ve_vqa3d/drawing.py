"""Pictures of questions: the scene from above and in 3D."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt

from lm4ve_mm.apis import drawing

from .apis import Answered
from .datasets.situations import FACING

POINTS = 6000
CEILING = 2.  # metres; what is higher hides the room from above
ARROW = .7
MAP = 'viridis'
WIDTH = 46  # characters in a line of a caption


class Drawn(NamedTuple):
    """One question with its answer.

    Attributes:
        points: (N, 6) aligned, colours from 0 to 255.
        position: (3, ).
        rotation: (3, 3).
        situation, question: The texts.
        truth: The true answer; None if it is not known.
        found: What the model says.
    """

    points: np.ndarray
    position: np.ndarray
    rotation: np.ndarray
    situation: str
    question: str
    truth: str | None
    found: Answered

    @property
    def right(self) -> bool:
        """Whether the answer is true."""
        return self.found.answer == self.truth

    @property
    def colour(self) -> str:
        """Of the caption: red for a wrong answer."""
        return 'red' if self.truth is not None and not self.right else 'black'

    def caption(self) -> str:
        """Situation, question, answer and truth."""
        answer, score = self.found.answers[0]
        said = f'{answer} ({score:.0%})'
        if self.truth is not None:
            said += f', truth: {self.truth}'
        return '\n'.join(fill(text, WIDTH) for text in (
            self.situation, self.question, said))


def some(points: np.ndarray) -> np.ndarray:
    """Few enough points to draw, below the ceiling."""
    kept = points[points[:, 2] < points[:, 2].min() + CEILING]
    rows = np.random.default_rng(0).permutation(len(kept))[:POINTS]
    return kept[rows]


def shown_proposals(found: Answered) -> tuple[np.ndarray, np.ndarray]:
    """Centres and activation of the proposals that hold an object."""
    if found.proposals is None:
        return np.zeros((0, 3)), np.zeros(0)
    return found.proposals[found.mask], found.activation[found.mask]


def draw_above(axis: plt.Axes, one: Drawn) -> None:
    """Draw a scene from above, with the situation's arrow and proposals."""
    points = some(one.points)
    order = points[:, 2].argsort()
    axis.scatter(*points[order, :2].T, c=points[order, 3:6] / 255, s=1,
                 linewidths=0)
    facing = ARROW * (one.rotation @ FACING)[:2]
    axis.arrow(*one.position[:2], *facing, width=.05, color='black',
               zorder=4)
    centres, activation = shown_proposals(one.found)
    axis.scatter(*centres[:, :2].T, c=activation, cmap=MAP, vmin=0, vmax=1,
                 s=60, edgecolors='white', zorder=3)
    axis.set(aspect='equal', xticks=(), yticks=())
    axis.set_title(one.caption(), fontsize=7, color=one.colour)


def draw_room(axis: plt.Axes, one: Drawn) -> None:
    """Draw a scene in 3D."""
    points = some(one.points)
    axis.scatter(*points[:, :3].T, c=points[:, 3:6] / 255, s=1,
                 linewidths=0)
    axis.quiver(*one.position[:2], points[:, 2].min() + .1,
                *ARROW * (one.rotation @ FACING), color='black')
    centres, activation = shown_proposals(one.found)
    axis.scatter(*centres.T, c=activation, cmap=MAP, vmin=0, vmax=1, s=50,
                 edgecolors='white', depthshade=False)
    axis.set_box_aspect(np.ptp(points[:, :3], 0))
    axis.view_init(elev=50, azim=-60)
    axis.set_axis_off()


def draw_sheet(drawn: Sequence[Drawn], out: Path, columns: int = 3) -> None:
    """Draw questions, each from above and in 3D, and a scale.

    Args:
        drawn: The questions.
        out: The picture to write.
        columns: Questions in a line.
    """
    columns = min(columns, len(drawn))
    lines = -(-len(drawn) // columns)
    figure = plt.figure(figsize=(5.6 * columns, 3.7 * lines))
    for number, one in enumerate(drawn):
        place = 2 * number + 1
        draw_above(figure.add_subplot(lines, 2 * columns, place), one)
        draw_room(figure.add_subplot(
            lines, 2 * columns, place + 1, projection='3d'), one)
    figure.text(.5, .002, 'proposals: dark = weak, yellow = strong '
                'activation of the token', ha='center', fontsize=7)
    drawing.save(figure, out)
    plt.close(figure)
