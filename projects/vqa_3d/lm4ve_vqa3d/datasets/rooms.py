"""Generated rooms as a small stand-in for SQA3D."""

import json
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log
from numpy.random import SeedSequence, default_rng
from tqdm import tqdm

from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.build_once import build_once
from lm4ve_mm.utils.errors import DataError

from .answers import write_answers
from .questions import (
    ANNOTATIONS,
    POSITION_KEYS,
    QUESTIONS,
    ROTATION_KEYS,
    SPLITS,
    Question,
)
from .room_questions import ANSWERS, ask
from .room_scene import make_room, write_raw, write_room
from .sqa3d_dataset import SQA3D

# Raise it whenever the same settings give other rooms than before.
GENERATOR = 2
SETTINGS = 'rooms.json'
# More than any room has questions.
IDS_PER_ROOM = 100


def write_questions(folder: Path, split: str,
                    questions: Sequence[Question]) -> None:
    """Write questions and annotations in the form of the released files."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = [dict(scene_id=one.scene_id, situation=one.situation,
                  alternative_situation=[one.situation] * 2,
                  question=one.question, question_id=one.question_id)
             for one in questions]
    told = [dict(scene_id=one.scene_id, question_type='N/A',
                 answer_type='other', question_id=one.question_id,
                 answers=[dict(answer=one.answer, answer_confidence='yes',
                               answer_id=1)],
                 rotation=dict(zip(ROTATION_KEYS, one.rotation)),
                 position=dict(zip(POSITION_KEYS, one.position)))
            for one in questions]
    for name, key, items in ((QUESTIONS, 'questions', asked),
                             (ANNOTATIONS, 'annotations', told)):
        (folder / name.format(split)).write_text(json.dumps({key: items}))


def write_rooms(root: Path, settings: dict) -> None:
    """Write rooms and questions in the layout of SQA3D.

    The first room of the test split is there as ScanNet delivers scenes,
    too, for the tools that begin with a mesh.

    Args:
        root: The folder to fill.
        settings: ``train``, ``val`` and ``test``, how many rooms, and
            ``seed``.
    """
    tasks = root / 'sqa_task'
    tasks.mkdir(parents=True)
    write_answers(tasks / 'answer_dict.json', sorted(ANSWERS))
    for stream, split in enumerate(SPLITS):
        seeds = SeedSequence((settings['seed'], stream)).spawn(
            settings[split])
        found: list[Question] = []
        for number, seed in enumerate(
                tqdm(seeds, desc=f'{split} rooms', disable=None)):
            rng = default_rng(seed)
            room = make_room(f'scene{1000 * (stream + 1) + number:04d}_00',
                             rng)
            if split == 'test' and number == 0:
                write_raw(root, room, default_rng(0))
            centre = write_room(root, room, rng)
            first = IDS_PER_ROOM * (10_000 * (stream + 1) + number)
            found += ask(room, centre, first, rng)
        write_questions(tasks / 'balanced', split, found)
    (root / SETTINGS).write_text(json.dumps(settings))


@DATASETS.register_module()
class Rooms(SQA3D):
    """Rooms with two pieces of furniture, in the files of SQA3D.

    The files are generated when they are first needed; the same settings
    give the same files on every machine, and several processes may start at
    once.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``, each with its own rooms.
        data_root: Where to put the files.
        train, val, test: Rooms of the splits.
        seed: Of all that is random.
        **kwargs: Passed to :class:`SQA3D`.

    Raises:
        ValueError: If a split has no rooms, or too many for the names.
        DataError: If ``data_root`` holds other rooms.
    """

    def __init__(self,
                 split: str,
                 data_root: str = 'data/rooms',
                 train: int = 300,
                 val: int = 20,
                 test: int = 60,
                 seed: int = 0,
                 **kwargs) -> None:
        if not 1 <= min(train, val, test) <= max(train, val, test) <= 1000:
            raise ValueError(f'train={train}, val={val} and test={test} '
                             'rooms: all have to be from 1 to 1000')
        self.rooms = dict(train=train, val=val, test=test, seed=seed,
                          generator=GENERATOR)
        super().__init__(split, data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Generate the rooms if they are not there; list the questions."""
        root = Path(self.data_root)
        if not root.exists():
            print_log(f'Generating rooms in {root}: {self.rooms}',
                      logger='current')
        build_once(root, lambda part: write_rooms(part, self.rooms))
        noted = root / SETTINGS
        found = json.loads(noted.read_text()) if noted.exists() else None
        if found != self.rooms:
            raise DataError(f'{root} holds {found}, wanted is {self.rooms}: '
                            'remove it, or give another data_root')
        return super().load_data_list()
