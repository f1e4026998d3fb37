"""The metrics of Argoverse 1 and 2."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import DataError

from ..datasets.argoverse1_map import DrivableArea
from .measures import ADE_OF, most_likely, score_scene


def guesses_of(sample: dict) -> tuple[np.ndarray, np.ndarray]:
    """Trajectories (K, F, 2) and probabilities (K, ) of a sample."""
    return (sample['pred_trajs'].cpu().double().numpy(),
            sample['pred_scores'].cpu().double().numpy())


@METRICS.register_module()
class ForecastMetric(BaseMetric):
    """Displacements of the target, in city coordinates.

    For each K of ``num_guesses``, from the K most likely guesses:
    ``minFDE_K`` and ``minADE_K`` (metres), ``MR_K`` (0 to 1; papers print
    percent), ``brier-minFDE_K`` and the others of
    :func:`~.measures.score_scene`; with ``map_root`` also ``DAC_K``, the
    share of guesses that stay where cars may drive. Means over scenes, exact
    over processes.

    Args:
        num_guesses: The K.
        miss_threshold: Metres, 2 in both benchmarks.
        ade_of: ``'best_fde'``, the official one, or ``'lowest'``.
        map_root: The folder ``map_files`` of Argoverse 1; None leaves DAC
            out.
        prefix: In front of the names.
        collect_device: As in :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: If ``ade_of`` is unknown.
        DataError: If a scene has no known future.
    """

    default_prefix = 'forecast'

    def __init__(self,
                 num_guesses: Sequence[int] = (1, 6),
                 miss_threshold: float = 2.,
                 ade_of: str = 'best_fde',
                 map_root: str | None = None,
                 prefix: str | None = None,
                 collect_device: str = 'cpu') -> None:
        super().__init__(collect_device, prefix)
        if ade_of not in ADE_OF:
            raise ValueError(f'ade_of is {" or ".join(ADE_OF)}, not '
                             f'{ade_of!r}')
        self.num_guesses = tuple(num_guesses)
        self.miss_threshold = miss_threshold
        self.ade_of = ade_of
        self.map_root = map_root
        self._areas: dict[str, DrivableArea] = {}
        if map_root is None:
            print_log(
                'ForecastMetric: no DAC, since map_root=None',
                logger='current', level=logging.INFO)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score the scenes of a batch.

        Args:
            data_batch: Not used.
            data_samples: Of :class:`ForecastDataSample`, as dicts.
        """
        self.results += [self._score(sample) for sample in data_samples]

    def _score(self, sample: dict) -> dict[str, float]:
        """All measures of one scene."""
        trajs, chances = guesses_of(sample)
        if not bool(sample['gt_mask'][0].all()):
            raise DataError(
                f'the future of scene {sample["scene_id"]} is not known to '
                'its end, which a test split never is: write a submission, '
                "type='lm4ve_mm.Argoverse1Submission' or "
                "'lm4ve_mm.Argoverse2Submission'")
        truth = sample['gt_trajs'][0].cpu().double().numpy()
        found = {}
        for count in self.num_guesses:
            scored = score_scene(trajs, truth, chances, count,
                                 self.miss_threshold, self.ade_of)
            if self.map_root is not None:
                kept = most_likely(chances, len(trajs), count)
                area = self._area(sample['city'])
                scored['DAC'] = float(
                    area.contains(trajs[kept]).all(1).mean())
            found.update(
                (f'{name}_{count}', value) for name, value in scored.items())
        return found

    def _area(self, city: str) -> DrivableArea:
        """The drivable area of a city, read once."""
        if city not in self._areas:
            self._areas[city] = DrivableArea(self.map_root, city)
        return self._areas[city]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Means over the scenes of every process."""
        return {name: float(np.mean([one[name] for one in results]))
                for name in results[0]}
