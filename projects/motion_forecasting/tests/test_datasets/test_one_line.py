"""Errors of other libraries become one line that can be printed."""

import numpy as np
import pytest
from lm4ve_motion.datasets import DataError, read_argoverse1
from lm4ve_motion.datasets.scene import in_short


def test_a_file_of_noise(tmp_path):
    """The reader quotes the file; a terminal must not get its bytes."""
    path = tmp_path / '1.csv'
    path.write_bytes(b'TIMESTAMP,X\n' + np.random.default_rng(0).bytes(900))
    with pytest.raises(DataError, match='no complete table') as error:
        read_argoverse1(path)
    text = str(error.value)
    assert text.isprintable() and len(text) < len(str(path)) + 250


def test_long_messages_are_cut():
    assert in_short(ValueError('bad\x1b row')) == r'bad\x1b row'
    assert in_short(ValueError('a' * 400)) == 'a' * 150 + '...'
