"""Several questions about a scene that is looked at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from lm4ve_mm.registry import DATASETS, FUNCTIONS
from lm4ve_mm.utils.errors import ConfigError

# What belongs to one question alone.
OWN = ('position', 'rotation')


@DATASETS.register_module()
class SharedScenes(Dataset):
    """A sample is a scene with some of its questions, drawn at each visit.

    The detector, which takes most of a training step, then runs once for all
    of them. Batches need ``collate_fn=dict(type='lm4ve_mm.collate_scenes')``.

    Args:
        dataset: An :class:`.sqa3d_dataset.SQA3D`; its ``pipeline`` is run for
            each question.
        scene_pipeline: The steps before, run once for the scene.
        questions: How many of a scene's questions are drawn; a scene with
            fewer gives some of them twice.

    Raises:
        ValueError: If ``questions`` is less than 1.
    """

    def __init__(self, dataset: dict, scene_pipeline: Sequence[dict],
                 questions: int = 8) -> None:
        if questions < 1:
            raise ValueError(f'questions={questions}: a scene needs at least '
                             'one question')
        self.dataset = DATASETS.build(dataset)
        self.dataset.full_init()
        self.scene_pipeline = Compose(scene_pipeline)
        self.questions = questions
        rows: dict[str, list[int]] = {}
        for row in range(len(self.dataset)):
            rows.setdefault(self.dataset.scene_of(row), []).append(row)
        self.rows = list(rows.values())

    @property
    def metainfo(self) -> dict:
        """That of the questions."""
        return self.dataset.metainfo

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, idx: int) -> dict:
        """Give ``inputs``, the scene, and ``data_samples``, a list.

        What the scene's pipeline adds is packed with the first question.

        Raises:
            ConfigError: If the scene's pipeline moves the situation, which
                would move the first question's alone.
        """
        rows = self.rows[idx]
        chosen = np.random.choice(rows, self.questions,
                                  replace=len(rows) < self.questions)
        first, *others = map(self.dataset.get_data_info, chosen)
        ready = self.scene_pipeline(dict(first))
        if any(ready[key] is not first[key] for key in OWN):
            raise ConfigError(
                'the scene_pipeline of lm4ve_mm.SharedScenes moves the '
                'situation, which differs from question to question: leave '
                'out lm4ve_mm.AugmentScene, or do without SharedScenes')
        added = {key: value for key, value in ready.items()
                 if key not in first}
        packed = [self.dataset.pipeline(ready)]
        added.pop('detection', None)
        packed += [self.dataset.pipeline(dict(one, **added))
                   for one in others]
        return dict(inputs=packed[0]['inputs'],
                    data_samples=[one['data_samples'] for one in packed])


@FUNCTIONS.register_module()
def collate_scenes(batch: Sequence[dict]) -> dict[str, list[Any]]:
    """A list of scenes, and one of their questions, scene after scene."""
    return dict(inputs=[one['inputs'] for one in batch],
                data_samples=[sample for one in batch
                              for sample in one['data_samples']])
