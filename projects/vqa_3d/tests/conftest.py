"""Scenes and questions that several test modules share."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import lm4ve_vqa3d  # noqa: F401  (registers everything)
import numpy as np
import pytest
from lm4ve_vqa3d.datasets.answers import write_answers
from lm4ve_vqa3d.datasets.questions import ANNOTATIONS, QUESTIONS
from lm4ve_vqa3d.datasets.scene import aligned

ROOT = Path(__file__).parents[3]
LABELS = np.array([3, 1, 5, 22, 40, 8])
WORDS = ['I', 'am', 'standing', 'by', 'the', 'Table', '.', 'what', 'is',
         'behind', 'me', '?', ' ', 'unk']


def golden_alignment():
    """A turn of 0.3 about z and a shift, as in the golden numbers."""
    cos, sin = np.cos(.3), np.sin(.3)
    return np.array([[cos, -sin, 0, .4], [sin, cos, 0, -1.1],
                     [0, 0, 1, .25], [0, 0, 0, 1]]).round(6)


def golden_vertices():
    """The 600 raw vertices of the golden numbers, (600, 9) float32."""
    i = np.arange(600.)
    return np.stack([
        2 * np.sin(.7 * i) + .5, 1.5 * np.cos(.45 * i) - .2,
        1.2 + 1.1 * np.sin(.13 * i + .4), 7 * i % 256, (5 * i + 30) % 256,
        (11 * i + 90) % 256, np.sin(i), np.cos(i), 0 * i],
        1).astype(np.float32)


def write_scene(root, name='scene0000_00', matrix=None):
    """The golden scene in the prepared layout."""
    folder, scans = root / 'scannet_data', root / 'scans' / name
    folder.mkdir(parents=True, exist_ok=True)
    scans.mkdir(parents=True)
    line = 'numDepthFrames = 7\n'
    if matrix is not None:
        line += f'axisAlignment = {" ".join(map(str, matrix.ravel()))} \n'
    (scans / f'{name}.txt').write_text(line)
    raw = golden_vertices()
    turned = raw.copy()
    turned[:, :3] = aligned(raw[:, :3], np.eye(4) if matrix is None
                            else matrix)
    instances = np.arange(600) // 100 + 1
    boxes = []
    for number, label in enumerate(LABELS, 1):
        if label not in (1, 2, 22):
            own = turned[instances == number, :3]
            low, high = own.min(0), own.max(0)
            boxes.append([*(low + high) / 2, *high - low, label, number])
    for what, array in (('vert', raw), ('aligned_vert', turned),
                        ('sem_label', LABELS[instances - 1].astype('u4')),
                        ('ins_label', instances.astype('u4')),
                        ('aligned_bbox', np.array(boxes))):
        np.save(folder / f'{name}_{what}.npy', array)


def write_split(root, split, items):
    """Questions: (scene, situation, question, answer, position, rotation).
    """
    folder = root / 'sqa_task/balanced'
    folder.mkdir(parents=True, exist_ok=True)
    asked, told = [], []
    for number, (scene, situation, question, answer, position,
                 rotation) in enumerate(items, 100):
        asked.append(dict(
            scene_id=scene, situation=situation, question=question,
            alternative_situation=['', ''], question_id=number))
        # The order of keys in the page of the data set; read by key.
        keys = dict(zip(('_x', '_y', '_z', '_w'), rotation))
        told.append(dict(
            scene_id=scene, question_type='N/A', answer_type='other',
            question_id=number, rotation=dict(sorted(keys.items())),
            answers=[dict(answer=answer, answer_confidence='yes',
                          answer_id=1)],
            position=dict(zip('xyz', position))))
    (folder / QUESTIONS.format(split)).write_text(
        json.dumps(dict(questions=asked)))
    (folder / ANNOTATIONS.format(split)).write_text(
        json.dumps(dict(annotations=told)))


HALF = .7071067811865476
ITEMS = [
    ('scene0000_00', 'I am standing by the Table.', 'what is behind me?',
     'red', (.3, -.2, 0), (0, 0, 0, 1)),
    ('scene0000_00', 'I  am by the door.', 'Is it red?', 'two',
     (1.5, .7, .1), (0, 0, HALF, HALF)),
    ('scene0000_00', 'me', 'what, is?', 'chair', (-.9, 1.1, -.4),
     (.18257419, .36514837, .54772256, .73029674)),
    ('scene0001_00', 'me', 'How many?', 'zebra', (.3, -.2, 0),
     (0, 0, HALF, HALF)),
]


def write_root(root, splits=('train', 'val', 'test'), items=ITEMS):
    """The golden scenes, questions, answers and word vectors."""
    write_scene(root, 'scene0000_00', golden_alignment())
    write_scene(root, 'scene0001_00')
    for split in splits:
        write_split(root, split, items)
    write_answers(root / 'sqa_task/answer_dict.json',
                  ['red', 'two', 'chair', 'lamp'])
    (root / 'sqa_task/answer_counter.json').write_text(json.dumps(
        ['red'] * 7 + ['two'] + ['chair'] * 3 + ['lamp'] * 2 + ['zebra']))
    m = .01 * np.arange(300)
    np.savez(root / 'words.npz', words=np.array(WORDS),
             vectors=np.stack([np.sin(m + k) for k in range(len(WORDS))]))
    return root


@pytest.fixture(scope='session')
def cases():
    """The makers of this file, since test modules cannot import it."""
    return SimpleNamespace(
        write_root=write_root, write_scene=write_scene, ITEMS=ITEMS,
        write_split=write_split, golden_alignment=golden_alignment,
        golden_vertices=golden_vertices, WORDS=WORDS)


@pytest.fixture(scope='session')
def sqa3d(tmp_path_factory):
    """A small SQA3D folder; not to be written into."""
    return write_root(tmp_path_factory.mktemp('sqa3d'))


@pytest.fixture(scope='session')
def shared_data():
    """Real sample data, which is not ours to give."""
    at = Path(os.environ.get('LM4VE_SHARED_DATA', ROOT.parent / 'shared/data'))
    if not (at / 'sqa3d').is_dir():
        pytest.skip(f'there is no real sample data in {at}; '
                    'LM4VE_SHARED_DATA names another folder')
    return at
