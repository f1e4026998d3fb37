"""Using a trained forecaster without a runner."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from lm4ve_mm.registry import TRANSFORMS

from .datasets import DataNotFoundError, LaneMap, PackScene, Scene
from .datasets.argoverse import lanes_of_city, lanes_of_scenario
from .datasets.argoverse1_scene import read_argoverse1
from .datasets.argoverse2_scene import read_argoverse2
from .evaluation import constant_velocity, score_scene


class Forecast(NamedTuple):
    """What a model says of the target of one scene.

    Attributes:
        trajs: (K, F, 2) city coordinates, the most likely first.
        chances: (K, ) probabilities.
    """

    trajs: np.ndarray
    chances: np.ndarray

    def measures(self, scene: Scene, num_guesses: int) -> dict | None:
        """The official measures; None where the future is not known."""
        if not scene.num_future:
            return None
        truth = scene.positions[scene.target, scene.num_observed:]
        return score_scene(self.trajs, truth, self.chances, num_guesses)

    def to_json(self, scene: Scene) -> dict:
        """Plain values for a file."""
        return dict(
            scene_id=scene.scene_id, city=scene.city,
            track_id=scene.track_ids[scene.target], frame='city, metres',
            steps_per_second=10, probabilities=self.chances.tolist(),
            trajectories=self.trajs.tolist())


def velocity_forecast(scene: Scene, steps: int | None = None) -> Forecast:
    """The constant-velocity forecast of the target, its one guess.

    Args:
        scene: With or without its future.
        steps: Over how many of the last steps the velocity is averaged; None
            takes the whole past.
    """
    past = scene.positions[scene.target, :scene.num_observed]
    traj = constant_velocity(past, scene.horizon, steps)
    return Forecast(traj[None], np.ones(1))


def mean_measures(scenes: Sequence[Scene], forecasts: Sequence[Forecast],
                  num_guesses: int) -> str:
    """Means of the official measures, for people.

    Returns:
        str: minADE and minFDE in metres and the miss rate in percent; empty
        if no scene has a future.
    """
    found = [forecast.measures(scene, num_guesses)
             for scene, forecast in zip(scenes, forecasts, strict=True)]
    known = [one for one in found if one is not None]
    if not known:
        return ''
    ade, fde, missed = (np.mean([one[name] for one in known])
                        for name in ('minADE', 'minFDE', 'MR'))
    return (f'K={num_guesses} minADE {ade:.2f} m, minFDE {fde:.2f} m, '
            f'missed {missed:.1%}')


def read_scene(path: str | Path, map_root: str | None = None,
               with_map: bool = True) -> tuple[Scene, LaneMap | None]:
    """Read a scene of either benchmark with its lanes.

    Args:
        path: A CSV file of Argoverse 1, or a folder (or its parquet file) of
            Argoverse 2.
        map_root: Map files of Argoverse 1; None does without lanes.
        with_map: Whether to read the map beside a scenario of Argoverse 2.

    Raises:
        DataNotFoundError: If it is neither.
        DataError: If it cannot be read.
    """
    path = Path(path)
    if path.suffix == '.csv':
        scene = read_argoverse1(path)
        return scene, lanes_of_city(map_root, str(path), scene)
    if path.is_dir() or path.suffix == '.parquet':
        folder = path if path.is_dir() else path.parent
        scene = read_argoverse2(path)
        return scene, lanes_of_scenario(with_map, str(folder), scene)
    raise DataNotFoundError(
        f'{path} is neither a CSV file of Argoverse 1 nor a folder of '
        'Argoverse 2')


@torch.no_grad()
def forecast(model: nn.Module, cfg: Config, scene: Scene,
             lanes: LaneMap | None) -> Forecast:
    """Forecast the target of a scene.

    Args:
        model: Of the config, in eval mode.
        cfg: Whose featuriser makes the arrays.
        scene: With or without its future, which is not looked at.
        lanes: The map; None does without.

    Raises:
        ValueError: If the model forecasts another length than the scene's
            benchmark has.
    """
    if cfg.model.num_steps != scene.horizon:
        raise ValueError(
            f'the model forecasts {cfg.model.num_steps} steps, scene '
            f'{scene.scene_id} is of a benchmark with {scene.horizon}: take '
            'an av1 config for Argoverse 1, an av2 config for Argoverse 2')
    make = TRANSFORMS.build(cfg.test_dataloader.dataset.featuriser)
    arrays = make(scene.past(), lanes)
    item = PackScene().transform(
        dict(arrays, scene_id=scene.scene_id, path=''))
    sample, = model.test_step(pseudo_collate([item]))
    return Forecast(sample.pred_trajs.numpy(), sample.pred_scores.numpy())
