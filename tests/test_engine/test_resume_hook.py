"""Which checkpoint a run resumes from when the pointer is no help."""

import logging
from types import SimpleNamespace

import pytest
from torch import nn

from lm4ve_mm.engine.hooks import FindCheckpointHook


@pytest.fixture()
def choose(tmp_path):
    """Run the hook on a folder with checkpoints of epochs 2, 9 and 10."""
    for name in ('epoch_2.pth', 'epoch_9.pth', 'epoch_10.pth',
                 'best_accuracy_epoch_99.pth', 'notes.pth'):
        (tmp_path / name).touch()

    def run(pointer, resume=True, load_from=None):
        if pointer is not None:
            (tmp_path / 'last_checkpoint').write_text(pointer)
        runner = SimpleNamespace(
            work_dir=str(tmp_path), _resume=resume, _load_from=load_from,
            _has_loaded=False, model=nn.Linear(1, 1),
            logger=logging.getLogger('test_resume_hook'))
        FindCheckpointHook().before_run(runner)
        return runner._load_from

    return run


def test_empty_pointer_takes_the_newest(choose, tmp_path, caplog):
    """By number, not by name: 10 comes after 9; the best one is no step."""
    assert choose('') == str(tmp_path / 'epoch_10.pth')
    assert 'epoch_10.pth' in caplog.text


def test_moved_folder_takes_the_file_of_that_name(choose, tmp_path):
    assert choose('/gone/epoch_9.pth') == str(tmp_path / 'epoch_9.pth')


def test_good_pointer_is_left_to_mmengine(choose, tmp_path):
    assert choose(str(tmp_path / 'epoch_2.pth')) is None


@pytest.mark.parametrize('options', [
    dict(pointer='', resume=False), dict(pointer='', load_from='x.pth'),
    dict(pointer=None)], ids=str)
def test_nothing_is_chosen_where_nothing_is_asked(choose, options):
    assert choose(**options) == options.get('load_from')


def test_folder_without_checkpoints_is_left_to_mmengine(choose, tmp_path):
    for file in tmp_path.glob('*.pth'):
        file.unlink()
    assert choose('') is None
