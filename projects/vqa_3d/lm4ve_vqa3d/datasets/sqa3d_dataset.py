"""SQA3D: questions asked in a situation, about scenes of ScanNet."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import DataNotFoundError

from .answers import (
    class_name,
    count_answers,
    merge_unknown,
    read_answers,
    soft_score,
)
from .questions import ANNOTATIONS, SPLITS, question_type, read_questions
from .scene import Scene, SceneFolder, aligned
from .situations import to_matrix


@DATASETS.register_module()
class SQA3D(BaseDataset):
    """One split of SQA3D.

    A sample of the pipeline has ``scene`` (:class:`.scene.Scene`), the
    texts ``situation_text`` and ``question_text``, ``question_id``,
    ``scene_id``, ``question_type``, ``answer``, ``position`` (3, ) and
    ``rotation`` (3, 3) in the frame of the aligned scene, and the targets
    ``gt_label`` (-1 if the answer is no class) and ``gt_score``.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        data_root: What the other paths are relative to.
        questions: Folder of the released JSON files.
        scenes: Folder of the prepared scenes.
        scans: Folder of ScanNet, for the alignments.
        answers: ``answer_dict.json``.
        answer_counts: ``answer_counter.json`` or ``answer_weight.json``: how
            often each answer was given in all splits, on which the
            targets depend. None counts the annotations of the three splits.
        keep_scenes: Scenes kept in memory by each process.
        **kwargs: Passed to :class:`mmengine.dataset.BaseDataset`.

    Raises:
        ValueError: If there is no such split.
        DataNotFoundError: If files or scenes are missing.
        DataError: If files are damaged, or do not belong together.
    """

    def __init__(self,
                 split: str,
                 data_root: str = 'data/sqa3d',
                 questions: str = 'sqa_task/balanced',
                 scenes: str = 'scannet_data',
                 scans: str = 'scans',
                 answers: str = 'sqa_task/answer_dict.json',
                 answer_counts: str | None = None,
                 keep_scenes: int = 16,
                 **kwargs) -> None:
        self.split = split
        root = Path(data_root)
        self.questions = root / questions
        self.scene_folder = SceneFolder(
            root / scenes, root / scans, keep_scenes)
        self.answer_file = root / answers
        self.count_file = root / answer_counts if answer_counts else None
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the questions and answers; scenes are read when needed."""
        found = read_questions(self.questions, self.split)
        self.answers = read_answers(self.answer_file)
        counts = self.count()
        self.scores = np.array(
            [soft_score(counts[name]) for name in self.answers], np.float32)
        self._metainfo['answers'] = self.answers
        labels = {name: label for label, name in enumerate(self.answers)}
        missing = sorted({one.scene_id for one in found
                          if not self.scene_folder.has(one.scene_id)})
        if missing:
            raise DataNotFoundError(
                f'{len(missing)} scenes that {self.split!r} asks about are '
                f'not in {self.scene_folder.folder}: '
                f'{", ".join(missing[:3])} ...; prepare them with '
                'projects/vqa_3d/tools/prepare_scannet.py')
        outside = sum(one.answer is not None and one.answer not in labels
                      for one in found)
        if outside:
            print_log(
                f'{self.split}: {outside} of {len(found)} answers are not '
                f'among the {len(self.answers)} classes of '
                f'{self.answer_file}; their class is unknown',
                logger='current', level=logging.INFO)
        return [dict(
            question_id=one.question_id, scene_id=one.scene_id,
            situation_text=one.situation, question_text=one.question,
            question_type=question_type(one.question), answer=one.answer,
            gt_label=labels.get(
                class_name(one.answer, self.answers), -1)
            if one.answer is not None else -1,
            pose=(one.position, one.rotation)) for one in found]

    def count(self) -> Counter[str]:
        """How often each class was the answer, in all splits."""
        if self.count_file is not None:
            return count_answers(self.count_file, self.answers)
        held, lacking = [], []
        for split in SPLITS:
            there = (self.questions / ANNOTATIONS.format(split)).is_file()
            (held if there else lacking).append(split)
        if lacking:
            print_log(
                f'The answers of {" and ".join(lacking)} are not in '
                f'{self.questions}: targets depend on how often an answer '
                'was given in all splits; give answer_counts= the '
                'answer_weight.json of SQA3D',
                logger='current', level=logging.WARNING)
        return merge_unknown(
            Counter(one.answer for split in held
                    for one in read_questions(self.questions, split)
                    if one.answer is not None), self.answers)

    def get_data_info(self, idx: int) -> dict:
        """Add the scene, the situation in its frame, and the target."""
        info = super().get_data_info(idx)
        scene = self.scene_folder[info['scene_id']]
        position, rotation = place_in(scene, *info.pop('pose'))
        score = np.zeros(len(self.answers), np.float32)
        if info['gt_label'] >= 0:
            score[info['gt_label']] = self.scores[info['gt_label']]
        return dict(info, scene=scene, position=position, rotation=rotation,
                    gt_score=score)

    def scene_of(self, idx: int) -> str:
        """The scene that a question is about; it is not read."""
        return super().get_data_info(idx)['scene_id']

    def prepare_data(self, idx: int) -> dict:
        """Run the pipeline; a broken scene is an error, never skipped."""
        return self.pipeline(self.get_data_info(idx))


def place_in(scene: Scene, position: tuple[float, ...],
             rotation: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A situation in the frame of an aligned scene.

    Args:
        scene: The scene.
        position: x, y, z from the centre of the raw mesh's box.
        rotation: x, y, z, w, in the raw frame.

    Returns:
        tuple: Position (3, ) and rotation matrix (3, 3), float64.
    """
    there = scene.raw_centre + np.asarray(position)
    return (aligned(there[None], scene.alignment)[0],
            scene.alignment[:3, :3] @ to_matrix(rotation))
