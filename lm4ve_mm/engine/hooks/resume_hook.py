"""Finds a checkpoint that a run can go on from, and looks into it."""

from pathlib import Path

from mmengine.dist import broadcast_object_list
from mmengine.hooks import CheckpointHook, Hook

from lm4ve_mm.engine.resume_checks import (
    compare_settings,
    disarm_config,
    require_all_parts,
)
from lm4ve_mm.engine.whole_files import (
    damage,
    newest_whole,
    numbered_checkpoints,
)
from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.models import unwrap
from lm4ve_mm.models.initializers import without_files
from lm4ve_mm.registry import HOOKS

from .safe_checkpoint_hook import SafeCheckpointHook

POINTER = 'last_checkpoint'


@HOOKS.register_module()
class FindCheckpointHook(Hook):
    """Lets ``--resume`` go on exactly, or says why it cannot.

    * MMEngine writes the name of the last checkpoint into a pointer file
      without care: a power cut leaves it empty, and after a work folder was
      moved or copied it names another place. Then the file of that name in
      the work folder is taken, or the newest one there, and the log says so;
      likewise if the newest file is empty or cut.
    * A checkpoint that lacks the optimizer's state or the schedules is
      refused, and what it continues other than the config says is logged.
    * ``meta['config']`` of a checkpoint is not executed.
    * Files that backbones start from
      (:class:`lm4ve_mm.models.StrictPretrained`) are not read where there is
      something to resume from: MMEngine initialises a model before it loads
      the checkpoint over it, and would need them again.
    * MMEngine's checkpoint hook is replaced by ours, so that there is a whole
      checkpoint to find at any moment.

    Raises:
        CheckpointError: If the checkpoint is damaged or lacks a part.
    """

    def __init__(self) -> None:
        self._awaited: list[str] = []

    def before_run(self, runner) -> None:
        """Choose the checkpoint before the runner looks for it."""
        self._replace_checkpoint_hook(runner)
        if not runner._resume or runner._has_loaded:
            return
        # One process chooses for all of them.
        found, error = [None], None
        if runner.rank == 0:
            try:
                found = [self._choose(runner)]
            except CheckpointError as caught:
                found = [error := caught]
        broadcast_object_list(found)
        if isinstance(found[0], CheckpointError):
            raise found[0] from error
        runner._load_from = found[0]
        if not found[0]:
            return
        self._awaited = without_files(unwrap(runner.model))
        if self._awaited:
            runner.logger.info(
                f'The run resumes from {found[0]}: init_cfg.checkpoint is not '
                'read')

    @staticmethod
    def _replace_checkpoint_hook(runner) -> None:
        for place, hook in enumerate(runner._hooks):
            if type(hook) is CheckpointHook:
                runner._hooks[place] = SafeCheckpointHook.adopt(hook)
                runner.logger.info(
                    "FindCheckpointHook: lm4ve_mm.SafeCheckpointHook saves in "
                    "the place of MMEngine's CheckpointHook")

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Look whether all is there that the run needs."""
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
        if runner._resume:
            require_all_parts(runner, checkpoint)
            disarm_config(runner, checkpoint['meta'])
            compare_settings(runner, checkpoint)

    def _choose(self, runner) -> str | None:
        """The checkpoint to resume from, or None to start anew.

        Raises:
            CheckpointError: If the file that was asked for is damaged, or
                every checkpoint is.
        """
        given = runner._load_from
        if given is None:
            return self._latest(runner)
        path = Path(given)
        wrong = damage(path) if path.is_file() else ''
        if wrong:
            whole = newest_whole(path.parent)
            raise CheckpointError(
                f'{given} {wrong}, so it cannot be resumed from; ' +
                (f'{whole} is whole: give that' if whole else
                 'there is no whole epoch_N.pth or iter_N.pth beside it'))
        return given

    @staticmethod
    def _latest(runner) -> str | None:
        """The last whole checkpoint of the work folder."""
        work_dir = Path(runner.work_dir)
        pointer = work_dir / POINTER
        named = pointer.read_text().strip() if pointer.is_file() else ''
        wanted = []
        if named:
            beside = work_dir / Path(named).name
            wanted = [path for path in (beside, Path(named))
                      if path.is_file()]
        # Checkpoints may have a folder of their own (out_dir).
        others = list(numbered_checkpoints(work_dir)) or [
            path for first in wanted[:1]
            for path in numbered_checkpoints(first.parent)]
        tried = []
        for path in dict.fromkeys([*wanted, *others]):
            wrong = damage(path)
            if wrong:
                tried.append(f'{path} {wrong}')
                continue
            if str(path) != named and (
                    tried or not named
                    or path.resolve() != Path(named).resolve()):
                runner.logger.warning(
                    f'resuming from {path}: ' + ('; '.join(tried) or (
                        f'{pointer} names {named!r}, which is not in this '
                        'work folder' if pointer.is_file() else
                        f'there is no {pointer} to name another')))
            return str(path)
        if tried:
            raise CheckpointError(
                f'there is no whole checkpoint to resume from: '
                f'{"; ".join(tried)}. To start anew, leave out --resume')
        runner.logger.warning(
            f'there is no checkpoint in {work_dir} to resume from: the '
            'training starts from its beginning')
        return None
