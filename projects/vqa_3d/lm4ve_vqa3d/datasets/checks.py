"""Is a data set complete, and is it what it says?"""

from collections.abc import Iterator
from pathlib import Path

from lm4ve_mm.utils.findings import Finding

from .answers import count_answers, read_answers
from .questions import COUNTS, SPLITS, Question, read_questions
from .scene import SceneFolder
from .situations import check_pure_turn, to_matrix

NUM_ANSWERS = 707
COUNT_FILES = ('answer_counter.json', 'answer_weight.json')


def failed(what: str, error: Exception) -> Finding:
    """A finding of something that could not be read."""
    return Finding(what, 'missing or damaged', str(error))


def check_split(folder: Path, split: str, questions: list[Question]
                ) -> Finding:
    """Number of questions, and whether all situations stand upright."""
    what, state = f'{split} questions', f'{len(questions):,}'
    if len(questions) != COUNTS[split]:
        return Finding(what, state, f'{folder}: {split} has {state} '
                       f'questions, the released one {COUNTS[split]:,}')
    for one in questions:
        try:
            check_pure_turn(to_matrix(one.rotation))
        except ValueError as error:
            return Finding(what, state,
                           f'question {one.question_id}: {error}')
    return Finding(what, state)


def check_answers(root: Path) -> Iterator[Finding]:
    """The dictionary, and how often each answer was given."""
    path = root / 'sqa_task/answer_dict.json'
    try:
        answers = read_answers(path)
    except (OSError, ValueError) as error:
        yield failed('answers', error)
        return
    wrong = len(answers) != NUM_ANSWERS
    yield Finding(
        'answers', f'{len(answers)} classes', wrong * (
            f'{path} makes {len(answers)} classes instead of {NUM_ANSWERS}'))
    there = [root / 'sqa_task' / name for name in COUNT_FILES
             if (root / 'sqa_task' / name).is_file()]
    if not there:
        yield Finding('answer counts', 'missing',
                      f'there is neither {" nor ".join(COUNT_FILES)} in '
                      f'{path.parent}: targets depend on them')
        return
    try:
        counts = count_answers(there[0], answers)
        yield Finding('answer counts', f'{sum(counts.values()):,}, '
                      f'{counts["unknown"]} of them unknown')
    except (OSError, ValueError) as error:
        yield failed('answer counts', error)


def check_scenes(root: Path, names: list[str], every: int
                 ) -> Iterator[Finding]:
    """Whether scenes are prepared, and whether some can be read."""
    scenes = SceneFolder(root / 'scannet_data', root / 'scans', keep=1)
    lacking = [name for name in names if not scenes.has(name)]
    yield Finding(
        'scenes', f'{len(names) - len(lacking)} of {len(names)}',
        bool(lacking) * (f'{len(lacking)} scenes are not prepared, '
                         f'{", ".join(lacking[:3])} among them: '
                         'projects/vqa_3d/tools/prepare_scannet.py'))
    there = [name for name in names if name not in lacking][::every]
    broken = []
    for name in there:
        try:
            scenes.read(name)
        except (OSError, ValueError) as error:
            broken.append(str(error))
    yield Finding('scenes that were read', f'{len(there)}',
                  '; '.join(broken[:3]))


def check_sqa3d(root: Path, every: int = 1) -> Iterator[Finding]:
    """Look at everything that SQA3D's configs need.

    Args:
        root: ``data_root`` of the data set.
        every: Read every n-th scene.
    """
    folder, scenes = root / 'sqa_task/balanced', set()
    for split in SPLITS:
        try:
            questions = read_questions(folder, split)
        except (OSError, ValueError) as error:
            yield failed(f'{split} questions', error)
            continue
        scenes.update(one.scene_id for one in questions)
        yield check_split(folder, split, questions)
    yield from check_answers(root)
    yield from check_scenes(root, sorted(scenes), every)
