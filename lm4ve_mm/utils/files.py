"""Writing files that are complete or not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[str]:
    """Give a temporary name beside ``path``; rename it when all went well.

    A run that is killed on the way leaves an old file as it was, and so does
    a power cut: the bytes are on the disk before the name is.

    Args:
        path: The file to write; its folder is made if need be.

    Yields:
        Name of an existing empty file to write into.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f'.{path.name}.')
    os.close(handle)
    try:
        yield temporary
        # mkstemp makes private files; these are meant to be shared.
        os.chmod(temporary, 0o644)
        flush_to_disk(temporary)
        os.replace(temporary, path)
        # Some network file systems cannot flush a folder.
        with suppress(OSError):
            flush_to_disk(path.parent)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def flush_to_disk(path: str | Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
