"""What is generated once: by one process, whole or not at all."""

import multiprocessing
import time

import pytest

from lm4ve_mm.utils.build_once import build_once

FORK = multiprocessing.get_context('fork')


def write_file(path, text):
    path.write_text(text)


def write_folder(path, text):
    path.mkdir(exist_ok=True)
    (path / 'inside').write_text(text)


def read(path):
    return (path / 'inside' if path.is_dir() else path).read_text()


files_and_folders = pytest.mark.parametrize(
    'write', [write_file, write_folder], ids=['file', 'folder'])


def build_slowly(path, log, write):
    def build(part):
        with open(log, 'a') as file:
            file.write('built\n')
        write(part, 'half')
        time.sleep(.3)
        write(part, 'whole')

    build_once(path, build)
    assert read(path) == 'whole'


@files_and_folders
def test_only_one_process_builds(tmp_path, write):
    arguments = tmp_path / 'deep/it', tmp_path / 'log', write
    several = [FORK.Process(target=build_slowly, args=arguments)
               for _ in range(3)]
    for process in several:
        process.start()
    for process in several:
        process.join(60)
        assert process.exitcode == 0
    assert arguments[1].read_text() == 'built\n'


@files_and_folders
def test_a_failed_build_leaves_nothing(tmp_path, write):
    def fail(part):
        write(part, 'half')
        raise RuntimeError('no space')

    with pytest.raises(RuntimeError, match='no space'):
        build_once(tmp_path / 'it', fail)
    assert [path.name for path in tmp_path.iterdir()
            if path.suffix != '.lock'] == []
    build_once(tmp_path / 'it', lambda part: write(part, 'whole'))
    assert read(tmp_path / 'it') == 'whole'


def test_a_killed_build_is_begun_again(tmp_path):
    """What it left is not mistaken for the whole."""
    left = tmp_path / '.it.part'
    left.mkdir()
    (left / 'other').write_text('half')
    build_once(tmp_path / 'it', lambda part: (
        part.mkdir(), (part / 'inside').write_text('whole')))
    assert [path.name for path in (tmp_path / 'it').iterdir()] == ['inside']
    assert not left.exists()
