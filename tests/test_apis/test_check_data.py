"""Checks of data sets: what is printed, and how they end."""

from argparse import ArgumentParser

import pytest

from lm4ve_mm.apis import check_data
from lm4ve_mm.utils.errors import DataError, DataNotFoundError
from lm4ve_mm.utils.findings import Finding, examine


def raising(error):
    def look():
        raise error
    return look


def test_errors_are_findings():
    assert examine('a', lambda: '3 files') == ('a', '3 files', '')
    assert examine('b', raising(DataNotFoundError('get it'))) == (
        'b', 'missing', 'get it')
    assert examine('c', raising(DataError('cut off')))[1] == 'damaged'
    with pytest.raises(KeyError):
        examine('d', raising(KeyError('a bug')))


def test_report(capsys):
    check_data.report([Finding('a', 'there')])
    assert capsys.readouterr().out.endswith('\nEverything is there.\n')
    with pytest.raises(SystemExit) as ended:
        check_data.report([Finding('a', 'there'),
                           Finding('b', 'missing', 'get b')])
    assert ended.value.code == 1
    assert capsys.readouterr().out.endswith('1 problems:\n- get b\n')


def test_every(capsys):
    parser = ArgumentParser()
    check_data.add_every(parser, 'scene')
    assert parser.parse_args([]).every == 1
    with pytest.raises(SystemExit):
        parser.parse_args(['--every', '0'])
    assert "invalid number of at least 1 value: '0'" in (
        capsys.readouterr().err)
