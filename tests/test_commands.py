"""How tests run tools and code: as a process of its own would."""

import sys

import pytest

from lm4ve_mm.testing.commands import WarmPython


@pytest.fixture(scope='module')
def python(warm_python):
    return warm_python('json')


def test_code_has_its_words_folder_and_variables(python, tmp_path):
    (tmp_path / 'mine.py').write_text('answer = 42')
    done = python.run(
        'import os, sys, mine; print(sys.argv[1:], os.getcwd(), '
        'os.environ["COLOUR"], mine.answer, __name__)', 'a', 1,
        cwd=tmp_path, paths=[tmp_path], COLOUR='red')
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"['a', '1'] {tmp_path} red 42 __main__\n"


@pytest.mark.parametrize(('code', 'status', 'words'), [
    ('1 / 0', 1, 'ZeroDivisionError'), ('raise SystemExit(3)', 3, ''),
    ('raise SystemExit("so")', 1, 'so'),
    ('import os; os.kill(os.getpid(), 9)', -9, '')])
def test_how_code_ends(python, code, status, words):
    done = python.run(code)
    assert done.returncode == status and words in done.stderr


def test_code_sees_nothing_of_other_code_or_of_this_package(python):
    python.run('import builtins, mmap; builtins.left = 1')
    done = python.run('import sys; print([name for name in sys.modules if '
                      'name.startswith(("lm4ve", "torch", "mmap"))]); left')
    assert done.stdout == '[]\n' and 'NameError' in done.stderr


def test_what_cannot_be_imported_is_said():
    python = WarmPython('no_such_module')
    with pytest.raises((RuntimeError, BrokenPipeError)):
        python.run('pass')
        python.run('pass')


@pytest.mark.parametrize(('end', 'status', 'words'), [
    ('', 0, ''), ('sys.exit(2)', 2, ''), ('sys.exit("so")', 1, 'so'),
    ('sys.exit()', 0, '')])
def test_how_tools_end(run_tool, tmp_path, end, status, words):
    tool = tmp_path / 'tool.py'
    (tmp_path / f'beside_{status}.py').touch()
    tool.write_text(f'import sys, beside_{status}\n'
                    f'print(sys.argv[1:], __name__)\n{end}\n')
    before = sys.argv, sys.path
    done = run_tool(tool, 'a', 1)
    assert sys.argv is before[0] and sys.path is before[1]
    assert done.returncode == status and words in done.stderr
    assert done.stdout == "['a', '1'] __main__\n"
