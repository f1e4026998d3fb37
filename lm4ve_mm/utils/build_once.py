"""Files and folders that are generated when they are first needed."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def build_once(path: Path, build: Callable[[Path], None]) -> None:
    """Build a file or a folder unless it is there, whole, by one process.

    Others wait and then find it. A process that dies leaves neither a lock
    nor half of what it built.

    Args:
        path (Path): What is wanted.
        build: Writes it, under the name that it is given.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f'.{path.name}.lock')):
        if path.exists():
            return
        part = path.with_name(f'.{path.name}.part')
        # What a process that was killed may have left.
        remove(part)
        try:
            build(part)
            os.replace(part, path)
        finally:
            remove(part)
