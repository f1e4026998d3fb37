"""Using a trained classifier without a runner."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from torch import nn

from lm4ve_mm.registry import DATASETS


class Guess(NamedTuple):
    """One class and how likely it is, 0 to 1."""

    name: str
    score: float


def class_names(cfg: Config, count: int) -> list[str]:
    """Names of a head's outputs, without reading the data set.

    Outputs beyond the classes, and the classes of an episode, have numbers.
    """
    dataset = cfg.test_dataloader.dataset
    kind = DATASETS.get(dataset.type)
    given = dataset.get('metainfo') or kind.METAINFO
    names = list(given.get('classes', ()))
    return names + [f'output {i}' for i in range(len(names), count)]


def prepare(cfg: Config, points: np.ndarray, path: str) -> torch.Tensor:
    """Run the test pipeline of a config on one cloud.

    Args:
        cfg: The config.
        points: (N, 3).
        path: What error messages call it.

    Returns:
        Tensor: (P, 3) float32.

    Raises:
        ValueError: If it has too few points.
    """
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    return pipeline(dict(points=points, path=path, sample_idx=0))['inputs']


@torch.no_grad()
def classify(model: nn.Module, points: torch.Tensor,
             names: Sequence[str]) -> list[Guess]:
    """Classify one cloud.

    Args:
        model: The classifier.
        points: (P, 3), as many as the model takes.
        names: Of its outputs.

    Returns:
        list: All classes, the most likely one first.
    """
    sample, = model.test_step(dict(inputs=[points]))
    order = sample.pred_score.argsort(descending=True).tolist()
    return [Guess(names[i], float(sample.pred_score[i])) for i in order]
