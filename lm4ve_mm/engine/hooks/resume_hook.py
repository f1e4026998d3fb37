"""Finds the checkpoint to resume from when MMEngine's pointer is lost."""

import re
from pathlib import Path
from typing import Optional

from mmengine.hooks import Hook

from lm4ve_mm.registry import HOOKS

POINTER = 'last_checkpoint'


def newest_checkpoint(work_dir: Path) -> Optional[Path]:
    """The ``epoch_N.pth`` or ``iter_N.pth`` of the highest N."""
    found = {}
    for path in work_dir.glob('*.pth'):
        match = re.fullmatch(r'(epoch|iter)_(\d+)', path.stem)
        if match:
            found[int(match[2])] = path
    return found[max(found)] if found else None


@HOOKS.register_module()
class FindCheckpointHook(Hook):
    """Lets ``--resume`` survive a broken or outdated ``last_checkpoint``.

    MMEngine writes the name of the last checkpoint into that file without
    care: a power cut leaves it empty, and after a work folder was moved it
    names a place that is gone. Then the file of that name in the work folder
    is taken, or the newest one there, and the log says so.
    """

    def before_run(self, runner) -> None:
        """Choose the checkpoint before the runner looks for it."""
        work_dir = Path(runner.work_dir)
        pointer = work_dir / POINTER
        if not runner._resume or runner._load_from or not pointer.is_file():
            return
        named = pointer.read_text().strip()
        if named and Path(named).is_file():
            return
        beside = work_dir / Path(named).name if named else None
        found = beside if beside and beside.is_file() else newest_checkpoint(
            work_dir)
        if found is None:
            return
        runner.logger.warning(
            f'{pointer} names {named!r}, where there is no file; resuming '
            f'from {found}')
        runner._load_from = str(found)
