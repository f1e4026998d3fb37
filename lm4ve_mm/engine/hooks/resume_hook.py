"""Finds the checkpoint to resume from when MMEngine's pointer is lost."""

import re
from pathlib import Path
from typing import List, Optional

from mmengine.hooks import Hook

from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.models import unwrap
from lm4ve_mm.models.initializers import without_files
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

    Where there is something to resume from, the files that backbones start
    from (:class:`lm4ve_mm.models.StrictPretrained`) are not read: MMEngine
    initialises a model before it loads the checkpoint over it, and would need
    them again.

    Raises:
        CheckpointError: If the checkpoint lacks what those files would give.
    """

    def __init__(self) -> None:
        self._awaited: List[str] = []

    def before_run(self, runner) -> None:
        """Choose the checkpoint before the runner looks for it."""
        if not runner._resume or runner._has_loaded:
            return
        found = runner._load_from or self._choose(runner)
        if not found:
            return
        self._awaited = without_files(unwrap(runner.model))
        if self._awaited:
            runner.logger.info(
                f'The run resumes from {found}: init_cfg.checkpoint is not '
                'read')

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Look whether all has come that was not read elsewhere."""
        held = {name.removeprefix('module.')
                for name in checkpoint.get('state_dict', checkpoint)}
        lacking = [name for name in self._awaited if name not in held]
        self._awaited = []
        if lacking:
            raise CheckpointError(
                f'the checkpoint to resume from lacks {len(lacking)} tensors '
                f'of the model, {", ".join(lacking[:4])}: it is of another '
                'model. Resume from one of this run, or start without '
                '--resume and with load_from')

    @staticmethod
    def _choose(runner) -> Optional[str]:
        """The checkpoint that the runner will take, named if need be."""
        work_dir = Path(runner.work_dir)
        pointer = work_dir / POINTER
        if not pointer.is_file():
            return None
        named = pointer.read_text().strip()
        if named and Path(named).is_file():
            return named
        beside = work_dir / Path(named).name if named else None
        found = beside if beside and beside.is_file() else newest_checkpoint(
            work_dir)
        if found is None:
            return None
        runner.logger.warning(
            f'{pointer} names {named!r}, where there is no file; resuming '
            f'from {found}')
        runner._load_from = str(found)
        return runner._load_from
