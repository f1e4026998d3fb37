"""VQAv2, from the files as they were published."""

from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError

from .answers import read_answers, soft_target
from .vqav2_files import (
    PARTS,
    check_images,
    match,
    read_annotations,
    read_questions,
)

SPLITS = {
    'train': ('train', ),
    'val': ('val', ),
    'trainval': ('train', 'val'),
    'test': ('test', ),
    'test-dev': ('test-dev', ),
}


@DATASETS.register_module()
class VQAv2(BaseDataset):
    """Questions about COCO images, with ten answers each.

    An item has ``text`` (the question), ``img_path`` and, where answers are
    published, ``gt_score``: one number an answer of the vocabulary. Each
    further piece (question, question_id, image_id, gt_answer, answer_type,
    question_type) stands under its name.

    Args:
        split: ``'train'`` (train2014), ``'val'`` (val2014), ``'trainval'``
            (both: METER trains on it, and what is then measured on val is no
            measure), ``'test'`` or ``'test-dev'`` (test2015).
        answers: File of the vocabulary, which ``tools/build_vqa_answers.py``
            writes. None makes items without ``gt_score``.
        data_root: Folder of the JSON files and the folders of images.
        drop_unanswerable: Leave out questions none of whose answers is in
            the vocabulary. None does so unless ``test_mode``; METER does so
            in its validation too.
        test_mode: For validation and tests.
        **kwargs: Passed to :class:`mmengine.dataset.BaseDataset`.

    Raises:
        ConfigError: If there is no such split, or one without answers is to
            be trained on.
        DataNotFoundError: If a file or an image is missing.
        DataError: If files do not fit together.
    """

    METAINFO = dict(dataset_type='vqav2')

    def __init__(self,
                 split: str,
                 answers: str | None = None,
                 data_root: str = 'data/vqav2',
                 drop_unanswerable: bool | None = None,
                 test_mode: bool = False,
                 **kwargs) -> None:
        if split not in SPLITS:
            raise ConfigError(f'VQAv2 has no split {split!r}; there are '
                              f'{", ".join(SPLITS)}')
        if not test_mode and split.startswith('test'):
            raise ConfigError(
                f'split={split!r} of VQAv2 has no published answers, so '
                "nothing can be trained on it: train on 'train' or "
                "'trainval'; in val_dataloader and test_dataloader set "
                'test_mode=True')
        self.split = split
        self.answers = answers
        if drop_unanswerable is None:
            drop_unanswerable = not test_mode
        self.drop_unanswerable = drop_unanswerable and answers is not None
        self.num_answers = 0
        super().__init__(data_root=data_root, test_mode=test_mode, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read and check the files of the split."""
        labels = None
        if self.answers is not None:
            known = read_answers(self.answers)
            self._metainfo['answers'] = tuple(known)
            self.num_answers = len(known)
            labels = {answer: label for label, answer in enumerate(known)}
        items = [item for name in SPLITS[self.split]
                 for item in self._load_part(name, labels)]
        if labels is not None and not self.split.startswith('test'):
            items = self._without_unanswerable(items)
        return items

    def _load_part(self, name: str,
                   labels: dict[str, int] | None) -> list[dict]:
        """The items of one published part."""
        part, root = PARTS[name], Path(self.data_root)
        folder = root / part.images
        questions = read_questions(root, part)
        check_images(folder, part, questions)
        annotations = [None] * len(questions)
        if part.annotations:
            annotations = match(
                questions, read_annotations(root, part),
                lambda: f'{root / part.questions} and {part.annotations}')
        items = []
        for one, annotation in zip(questions, annotations):
            item = dict(
                text=one['question'],
                question=one['question'],
                question_id=one['question_id'],
                image_id=one['image_id'],
                img_path=str(folder / part.image(one['image_id'])))
            if annotation is not None:
                item.update(_annotated(annotation, labels))
            items.append(item)
        return items

    def _without_unanswerable(self, items: list[dict]) -> list[dict]:
        """Leave out what no answer of the vocabulary is right for."""
        kept = [item for item in items if item['labels']]
        if self.drop_unanswerable:
            doing = 'left out'
        else:
            kept, doing = items, 'kept'
        count = sum(not item['labels'] for item in items)
        print_log(
            f'VQAv2 {self.split}: {len(items)} questions; {count} have no '
            f'answer among the {self.num_answers} of {self.answers} and are '
            f'{doing}', logger='current')
        return kept

    def get_data_info(self, idx: int) -> dict:
        """One item, with the target as one number an answer."""
        item = super().get_data_info(idx)
        if 'labels' in item:
            score = np.zeros(self.num_answers, np.float32)
            score[item.pop('labels')] = item.pop('scores')
            item['gt_score'] = score
        return item


def _annotated(annotation: dict, labels: dict[str, int] | None) -> dict:
    """What an annotation adds to an item."""
    given = [one['answer'] for one in annotation['answers']]
    found = dict(
        gt_answer=given,
        answer_type=annotation['answer_type'],
        question_type=annotation['question_type'])
    if labels is not None:
        found['labels'], found['scores'] = soft_target(given, labels)
    return found
