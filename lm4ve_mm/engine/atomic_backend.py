"""File storage that leaves no half-written file behind."""

from pathlib import Path

from mmengine.fileio import register_backend
from mmengine.fileio.backends import LocalBackend

from lm4ve_mm.utils.files import replacing

NAME = 'lm4ve_mm.atomic'


class AtomicLocalBackend(LocalBackend):
    """Local files, written under a temporary name and then renamed.

    ``CheckpointHook(backend_args=dict(backend='lm4ve_mm.atomic'))`` saves
    through it: a run killed while saving keeps its last good checkpoint.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to ``filepath``, all of them or none."""
        with replacing(Path(filepath)) as temporary:
            Path(temporary).write_bytes(obj)


register_backend(NAME, AtomicLocalBackend, force=True)
