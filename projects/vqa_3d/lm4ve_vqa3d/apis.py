"""Using a trained model without a runner."""

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.logging import print_log
from torch import nn

from lm4ve_mm.analysis.activation import token_activation
from lm4ve_mm.utils.errors import DataError

from .datasets.answers import read_answers
from .datasets.classes import CLASSES
from .datasets.questions import question_type
from .datasets.scannet import read_vertices
from .datasets.scene import (
    Scene,
    aligned,
    floor_of,
    raw_centre_of,
    read_alignment,
)
from .datasets.situations import FACING, from_heading, to_matrix

TOP = 5
# Degrees from the heading within which something is ahead.
AHEAD = 60.


class Answered(NamedTuple):
    """What a model says to one question.

    Attributes:
        answers: The most likely answers with their scores, the best first.
        proposals: (K, 3) centres of what the detector proposes; None of a
            model without one.
        mask: (K, ) bool, which of them hold an object.
        activation: (K, ) from 0 to 1, how strongly each answers.
        names: Class of each proposal.
    """

    answers: list[tuple[str, float]]
    proposals: np.ndarray | None
    mask: np.ndarray | None
    activation: np.ndarray
    names: list[str]

    @property
    def answer(self) -> str:
        """The best one."""
        return self.answers[0][0]


def answers_of(cfg: Config) -> list[str]:
    """The classes of a config's model."""
    named = cfg.model.get('answers')
    if named is None:
        data = cfg.test_dataloader.dataset
        named = Path(data.data_root,
                     data.get('answers', 'sqa_task/answer_dict.json'))
    return read_answers(named)


def read_mesh(path: str | Path) -> Scene:
    """Read a scene from a mesh of its own, without labels.

    Args:
        path: PLY with colours. ``<scene>.txt`` beside it holds the
            alignment, ``<scene>`` being the name up to ``_vh_clean``;
            without it the mesh is taken as it is, and that is said.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is damaged, has no colours, or points that are not
            finite.
    """
    path = Path(path)
    raw = read_vertices(path)
    name = path.stem.partition('_vh_clean')[0]
    text = path.with_name(f'{name}.txt')
    if text.is_file():
        matrix = read_alignment(text)
    else:
        print_log(f'There is no {text} with an alignment: {path.name} is '
                  'taken as it is (the identity)', logger='current',
                  level=logging.WARNING)
        matrix = np.eye(4)
    turned = raw.copy()
    turned[:, :3] = aligned(raw[:, :3], matrix)
    nothing = np.zeros(len(raw), np.int64)
    return Scene(name, turned, nothing, nothing, np.zeros((0, 8)),
                 raw_centre_of(raw[:, :3]), matrix,
                 floor_of(turned[:, 2]))


def stand(scene: Scene, position: np.ndarray,
          degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """A place in the coordinates of the mesh, in the aligned frame.

    Args:
        scene: The scene.
        position: (3, ) x, y, z.
        degrees: Which way one faces, from +x towards +y.

    Returns:
        tuple: Position (3, ) and rotation matrix (3, 3).

    Raises:
        DataError: If these are no finite numbers.
    """
    place = np.asarray(position, np.float64)
    if place.shape != (3, ) or not np.isfinite([*place, degrees]).all():
        raise DataError(f'a position is three finite numbers and a heading '
                        f'one, not {place.tolist()} and {degrees}')
    return (aligned(place[None], scene.alignment)[0],
            scene.alignment[:3, :3] @ to_matrix(from_heading(degrees)))


def as_results(scene: Scene, pose: tuple[np.ndarray, np.ndarray],
               situation: str, question: str, num_answers: int) -> dict:
    """What a pipeline begins with."""
    return dict(
        scene=scene, scene_id=scene.scene_id, situation_text=situation,
        question_text=question, question_type=question_type(question),
        question_id=0, answer=None, gt_label=-1, position=pose[0],
        rotation=pose[1], gt_score=np.zeros(num_answers, np.float32))


def pipeline_of(cfg: Config) -> Compose:
    """The steps of a config's test data."""
    return Compose(cfg.test_dataloader.dataset.pipeline)


@torch.no_grad()
def respond(model: nn.Module, item: dict, answers: list[str]) -> Answered:
    """Answer one packed question.

    Args:
        model: In eval mode.
        item: Of a pipeline.
        answers: The classes.

    Raises:
        DataError: If the model has another number of answers.
    """
    seen: dict[str, Any] = {}
    with ExitStack() as stack:
        # The tokens as they are summed up, behind the block.
        handle = model.flatten['proposals'].register_forward_pre_hook(
            lambda _, words: seen.update(tokens=words[0]))
        stack.callback(handle.remove)
        if model.detector is not None:
            handle = model.detector.register_forward_hook(
                lambda _, __, found: seen.update(found=found))
            stack.callback(handle.remove)
        sample, = model.test_step(default_collate([item]))
    scores = sample.pred_score.cpu()
    if len(scores) != len(answers):
        raise DataError(f'the model scores {len(scores)} answers, the '
                        f'dictionary has {len(answers)}')
    best = scores.topk(min(TOP, len(scores)))
    found = seen.get('found')
    names = ([] if found is None else
             [CLASSES[row] for row in found.class_scores[0].argmax(-1)])
    return Answered(
        [(answers[row], float(score))
         for score, row in zip(best.values, best.indices)],
        None if found is None else found.centres[0].cpu().numpy(),
        None if found is None else found.mask[0].cpu().numpy(),
        token_activation(seen['tokens'])[0].cpu().numpy(), names)


def describe(found: Answered, position: np.ndarray,
             rotation: np.ndarray) -> str:
    """Put a situation into words, by what is ahead.

    Args:
        found: An answer to any question about the scene.
        position: (3, ) in the aligned frame.
        rotation: (3, 3) there.

    Raises:
        DataError: If nothing is ahead.
    """
    facing = (rotation @ FACING)[:2]
    best, name = np.cos(np.radians(AHEAD)), ''
    for centre, inside, kind in zip(
            found.proposals if found.proposals is not None else (),
            found.mask if found.mask is not None else (), found.names):
        away = (centre - position)[:2]
        cosine = float(away @ facing / max(np.linalg.norm(away), 1e-6))
        if inside and cosine > best:
            best, name = cosine, kind
    if not name:
        raise DataError('the model finds nothing ahead by which the '
                        "situation could be described: give --situation 'I "
                        "am standing ...'")
    return f'I am standing facing the {name.replace("_", " ")}.'
