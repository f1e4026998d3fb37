"""Checkpoints that are all there, and the newest of them."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path


def damage(path: Path) -> str:
    """What is wrong with a checkpoint's bytes; empty if nothing is.

    Reads the whole file, but unpickles nothing. torch's own format is a zip
    archive with a checksum for each member and its directory at the end.

    Args:
        path: A file that torch has saved.
    """
    try:
        size = path.stat().st_size
        if not size:
            return 'is empty'
        with path.open('rb') as stream:
            start = stream.read(2)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
            return f'is damaged (in {broken})' if broken else ''
        if start == b'PK':
            return f'ends too early, after {size:,} bytes'
        # torch's format before 1.6 is a pickle.
        return '' if start[:1] == b'\x80' else 'is no checkpoint'
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
        return f'cannot be read ({error})'


def numbered_checkpoints(folder: Path) -> Iterator[Path]:
    """Every ``epoch_N.pth`` and ``iter_N.pth``, the highest N first."""
    found = []
    for path in folder.glob('*.pth'):
        match = re.fullmatch(r'(epoch|iter)_(\d+)', path.stem)
        if match:
            found.append((int(match[2]), path))
    yield from (path for _, path in sorted(found, reverse=True))


def newest_whole(folder: Path) -> Path | None:
    """The newest numbered checkpoint of a folder that is all there."""
    whole = (path for path in numbered_checkpoints(folder)
             if not damage(path))
    return next(whole, None)
