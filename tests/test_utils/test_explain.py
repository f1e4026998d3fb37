"""One line for a mistake, a traceback for a bug in code of the user's own."""

import importlib
import sys
from types import SimpleNamespace

import pytest
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader, Dataset

from lm4ve_mm import apis
from lm4ve_mm.testing import RUNNER
from lm4ve_mm.utils.errors import ConfigError, DataError
from lm4ve_mm.utils.explain import explained

SOURCE = """
import builtins
from mmengine.registry import DATASETS
from lm4ve_mm.utils import errors

@DATASETS.register_module(force=True)
class Own:
    def __init__(self, name):
        kind = getattr(errors, name, None) or getattr(builtins, name)
        raise kind('what went wrong')
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A data set in a module beside the user's config."""
    (tmp_path / 'own_data.py').write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'own_data', raising=False)
    return importlib.import_module('own_data')


class Runner(SimpleNamespace):
    """Builds its data when it is asked for its loop, as MMEngine's does."""

    @property
    def train_loop(self):
        return DATASETS.build(dict(type='Own', name=self.error))


@pytest.mark.parametrize('error', ['TypeError', 'KeyError', 'AttributeError',
                                   'ValueError', 'RuntimeError',
                                   'AssertionError', 'ImportError'])
def test_a_users_bug_keeps_its_traceback(own, error):
    with pytest.raises(Exception, match='what went wrong') as caught:
        apis.train_or_exit(Runner(error=error))
    assert type(caught.value).__name__ == error


@pytest.mark.parametrize('error', ['DataError', 'FileNotFoundError'])
def test_errors_made_for_people_are_one_line(own, error, capsys):
    with pytest.raises(SystemExit) as ended:
        apis.train_or_exit(Runner(error=error))
    assert ended.value.code == 2
    assert capsys.readouterr().err.count('\n') == 1


def test_tools_leave_a_users_bug_alone(own):
    with pytest.raises(ValueError, match='what went wrong'), explained():
        own.Own('ValueError')
    with pytest.raises(SystemExit), explained():
        own.Own('FileNotFoundError')
    with pytest.raises(SystemExit), explained():
        int('what a tool itself reads')


@pytest.mark.parametrize(('text', 'kind'), [
    ('import no_such_module', ImportError), ('int("x")', ValueError)])
def test_a_module_that_fails_when_imported(tmp_path, monkeypatch, text, kind):
    (tmp_path / 'own_bug.py').write_text(text)
    (tmp_path / 'own.py').write_text(
        "custom_imports = dict(imports=['own_bug'])")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(kind) as caught:
        apis.load_config(tmp_path / 'own.py')
    assert not isinstance(caught.value, ConfigError)


def test_print_config_writes_a_config(tmp_path, warm_python):
    """What else is said goes to stderr."""
    (tmp_path / 'own.py').write_text('print("aloud")\nanswer = 42')
    done = warm_python(*RUNNER).run(
        'import runpy; runpy.run_path("tools/misc/print_config.py", '
        'run_name="__main__")', tmp_path / 'own.py', paths=['tools/misc'])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().replace(' ', '') == 'answer=42'
    assert 'aloud' in done.stderr and 'compat repaired' in done.stderr


class Broken(Dataset):
    """Its scenes cannot be read, for a reason that is chained."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        try:
            raise ValueError('of a library')
        except ValueError as error:
            raise DataError(f'scene {index} is broken: get it again'
                            ) from error


@pytest.mark.parametrize('workers', [0, 1])
def test_one_line_from_a_worker_too(capsys, workers):
    """Torch puts the worker's traceback into the message."""
    loader = DataLoader(Broken(), num_workers=workers)
    with pytest.raises(SystemExit) as end, explained(DataError):
        next(iter(loader))
    assert end.value.code == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.endswith(': error: scene 0 is broken: get it again')


def test_messages_of_several_lines_stay_whole(capsys):
    with pytest.raises(SystemExit), explained(DataError):
        raise DataError('first\nDataError: second')
    assert capsys.readouterr().err.endswith(
        'error: first\nDataError: second\n')
