"""SQA3D, ScanNet's scenes, and what turns both into tensors."""

from importlib.util import find_spec

from lm4ve_mm.utils.install import how_to_install

lacking = [name for name in ('filelock', 'tqdm', 'trimesh')
           if find_spec(name) is None]
if lacking:
    raise ImportError(f'3D question answering needs {" and ".join(lacking)}: '
                      f'{how_to_install("vqa3d")}')

# After the check, which says more than an import that fails.
# ruff: noqa: E402
from .answers import read_answers
from .proposals import LoadProposals
from .questions import Question, question_type, read_questions
from .rooms import Rooms
from .scene import Scene, SceneFolder
from .shared_scenes import SharedScenes, collate_scenes
from .sqa3d_dataset import SQA3D
from .transforms import (
    AugmentScene,
    DetectionTargets,
    EmbedTexts,
    PackSituatedQA,
    SampleScene,
)
from .word_vectors import read_word_vectors

__all__ = [
    'AugmentScene', 'DetectionTargets', 'EmbedTexts', 'LoadProposals',
    'PackSituatedQA', 'Question', 'Rooms', 'SQA3D',
    'SampleScene', 'Scene', 'SceneFolder', 'SharedScenes', 'collate_scenes',
    'question_type', 'read_answers', 'read_questions', 'read_word_vectors'
]
