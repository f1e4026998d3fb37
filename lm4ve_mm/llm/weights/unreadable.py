"""Recognises files of the wrong kind, and reads JSON."""

import json
from pathlib import Path

from ..errors import CheckpointError

_PAGE = ('a web page, not the file (a download that asked for a login, or the '
         'address of the page about the file): fetch it with `hf download`')
# First bytes of files that are not weights -> what the message says.
_FOUND_INSTEAD = {
    b'version https://git-lfs': 'a Git LFS pointer, not the file that it '
    'stands for: run `git lfs pull` in the repository, or `hf download`',
    b'GGUF': 'a GGUF file (llama.cpp, quantised as a rule), which is not '
    'read: take the checkpoint for transformers, with config.json and '
    'safetensors',
    b'<!doctype html': _PAGE,
    b'<html': _PAGE,
}


def check_file(path: Path) -> None:
    """Make sure that a file can be read and is not of another kind.

    Raises:
        CheckpointError: If not; it says what was found and what to do.
    """
    try:
        with path.open('rb') as stream:
            start = stream.read(32)
    except PermissionError as error:
        raise unreadable(path, error) from error
    if not start:
        raise CheckpointError(f'{path} is empty: fetch it again')
    for first, words in _FOUND_INSTEAD.items():
        if start.lstrip().lower().startswith(first.lower()):
            raise CheckpointError(f'{path} is {words}')


def unreadable(path: object, error: OSError) -> CheckpointError:
    """The error for what is there but cannot be read."""
    remedy = ''
    if isinstance(error, PermissionError):
        remedy = ': no permission. Ask its owner for `chmod a+r`, on a ' \
                 'folder `chmod a+rx`'
    return CheckpointError(f'{path} cannot be read ({error}){remedy}')


def read_json(path: Path) -> dict:
    """Read a JSON file that holds a dictionary.

    Raises:
        CheckpointError: If it holds anything else; the message names file
            and place.
    """
    check_file(path)
    try:
        # Editors on Windows put a byte order mark before the text.
        text = path.read_text(encoding='utf-8').removeprefix('\ufeff')
        held = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f'{path} is not valid JSON ({error}); it may have been cut off '
            'while downloading: fetch it again') from error
    if not isinstance(held, dict):
        raise CheckpointError(
            f'{path} holds {type(held).__name__}, where a dictionary of '
            'settings is expected: fetch it again')
    return held
