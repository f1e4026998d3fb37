"""Writing files that are complete or not there."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def replacing(path: Path) -> Iterator[str]:
    """Give a temporary name beside ``path``; rename it when all went well.

    A run that is killed on the way leaves an old file as it was.

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
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
