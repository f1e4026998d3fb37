"""JSON files, with errors that name the file."""

import json
from pathlib import Path
from typing import Any

from lm4ve_mm.utils.errors import DataError, DataNotFoundError


def read_json(path: str | Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        what: What it is called in messages, such as ``'questions'``.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is cut off or holds no JSON.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f'there is no file of {what} {path}')
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise DataError(f'cannot read the {what} in {path}: the file is cut '
                        f'off or holds no JSON ({error})') from error


def list_of(content: Any, key: str, keys: tuple[str, ...],
            path: str | Path) -> list[dict]:
    """The list of dicts under a key of a JSON file.

    Args:
        content: What the file holds.
        key: The key of the list.
        keys: What each of its dicts has to have.
        path: The file, for messages.

    Raises:
        DataError: If the list, or a key of its first dict, is missing.
    """
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list) or not found:
        raise DataError(f'{path} has no list {key!r}, or an empty one: it is '
                        'another file')
    for number, one in enumerate(found):
        lacking = [name for name in keys
                   if not isinstance(one, dict) or name not in one]
        if lacking:
            raise DataError(f'{path}: {key}[{number}] lacks '
                            f'{", ".join(lacking)}')
    return found
