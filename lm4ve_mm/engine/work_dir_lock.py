"""One training at a time in a work folder."""

import fcntl
import os
import socket
from pathlib import Path

from lm4ve_mm.engine.errors import WorkDirInUseError

NAME = '.training.lock'
# Held folders: folder and process -> open file. A fork holds none of them.
_held: dict[tuple[Path, int], int] = {}


def lock_work_dir(work_dir: str | Path) -> bool:
    """Claim a work folder for this process, until it ends.

    The lock is the kernel's (POSIX, by process): whatever ends the process
    ends the lock, data loader workers do not inherit it, and a second
    training in the same process shares it. The file stays.

    Args:
        work_dir: The folder; made if need be.

    Returns:
        bool: False on a file system that has no locks.

    Raises:
        WorkDirInUseError: If another process holds it; says which.
    """
    folder = Path(os.path.realpath(work_dir))
    key = folder, os.getpid()
    if key in _held and _is_same(_held[key], folder / NAME):
        return True
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
                     0o644)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        holder = os.read(handle, 200).decode(errors='replace').strip()
        os.close(handle)
        raise WorkDirInUseError(
            f'another training ({holder or "unknown process"}) is writing '
            f'into {work_dir}: the two would overwrite each other. Give this '
            'one another --work-dir, or end the other first') from None
    except OSError:
        os.close(handle)
        return False
    os.ftruncate(handle, 0)
    os.pwrite(handle, f'process {os.getpid()} on {socket.gethostname()}\n'
              .encode(), 0)
    _held[key] = handle
    return True


def _is_same(handle: int, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False
