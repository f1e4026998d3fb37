"""Files that the servers of both benchmarks take."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from pyarrow import parquet

from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import ConfigError
from lm4ve_mm.utils.files import replacing
from lm4ve_mm.utils.install import how_to_install

from ..datasets.argoverse1_scene import NUM_FUTURE as FUTURE1
from ..datasets.argoverse2_scene import NUM_FUTURE as FUTURE2
from .forecast_metric import guesses_of
from .measures import most_likely


class Submission(BaseMetric):
    """Writes predictions instead of scoring them.

    Args:
        out_file: What to write; complete or not there.
        num_guesses: At most so many a scene, the most likely ones.
        collect_device: As in :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'submission'
    NUM_FUTURE: int

    def __init__(self, out_file: str, num_guesses: int = 6,
                 collect_device: str = 'cpu') -> None:
        super().__init__(collect_device)
        self.out_file = Path(out_file)
        self.num_guesses = num_guesses

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the guesses of a batch, their probabilities adding up to 1.

        Raises:
            ConfigError: If the model predicts another number of steps.
        """
        for sample in data_samples:
            trajs, chances = guesses_of(sample)
            if trajs.shape[1] != self.NUM_FUTURE:
                raise ConfigError(
                    f'the model predicts {trajs.shape[1]} steps, '
                    f'{type(self).__name__} takes {self.NUM_FUTURE}')
            kept = most_likely(chances, len(trajs), self.num_guesses)
            self.results.append(dict(
                scene_id=sample['scene_id'], track_id=sample['track_id'],
                trajs=trajs[kept],
                chances=chances[kept] / chances[kept].sum()))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Write the file, in the first process."""
        with replacing(self.out_file) as temporary:
            self.write(temporary, results)
        print_log(f'wrote {self.out_file}: {len(results)} scenes',
                  logger='current')
        return dict(scenes=float(len(results)))

    def write(self, path: str, results: list[dict]) -> None:
        """Write all scenes into a file."""
        raise NotImplementedError


@METRICS.register_module()
class Argoverse1Submission(Submission):
    """HDF5 with one array ``argoverse_forecasting``.

    A row is scene id, x, y and probability; each guess has 30 rows.
    """

    NUM_FUTURE = FUTURE1

    def __init__(self, *args, **kwargs) -> None:
        if find_spec('h5py') is None:
            raise ImportError('submissions of Argoverse 1 need h5py: '
                              f'{how_to_install("motion")}')
        super().__init__(*args, **kwargs)

    def write(self, path: str, results: list[dict]) -> None:
        """Write all scenes into a file."""
        import h5py
        rows = [np.column_stack([
            np.full(len(traj), float(one['scene_id'])), traj,
            np.full(len(traj), chance)
        ]) for one in results
            for traj, chance in zip(one['trajs'], one['chances'])]
        with h5py.File(path, 'w') as file:
            file.create_dataset(
                'argoverse_forecasting', data=np.concatenate(rows),
                compression='gzip', compression_opts=9)


@METRICS.register_module()
class Argoverse2Submission(Submission):
    """Parquet with one line for each guess, as ``av2`` reads it."""

    NUM_FUTURE = FUTURE2

    def write(self, path: str, results: list[dict]) -> None:
        """Write all scenes into a file."""
        lines = [(one['scene_id'], one['track_id'], float(chance),
                  traj[:, 0].tolist(), traj[:, 1].tolist())
                 for one in results
                 for traj, chance in zip(one['trajs'], one['chances'])]
        names = ('scenario_id', 'track_id', 'probability',
                 'predicted_trajectory_x', 'predicted_trajectory_y')
        parquet.write_table(
            pa.table(dict(zip(names, map(list, zip(*lines))))), path)
