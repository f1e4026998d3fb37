"""Errors of a user end a tool with one line, wherever they were raised."""

import pytest
from torch.utils.data import DataLoader, Dataset

from lm4ve_mm.utils.errors import DataError
from lm4ve_mm.utils.explain import explained


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
