"""Removes old checkpoints after the new one is saved, and nothing else."""

import os
import re
from collections import deque
from collections.abc import Iterator

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

KEPT = 'keep_ckpt_ids'


class TidyCheckpointHook(CheckpointHook):
    """MMEngine's hook with another order and less trust.

    MMEngine removes the old checkpoint, or the best one so far, and then
    saves the new one; and it removes whatever file or folder a resumed
    checkpoint names. Here the new one is saved first, and only regular files
    in the checkpoints' own folder are removed, by the names that this hook
    gives. :class:`.safe_checkpoint_hook.SafeCheckpointHook` is what configs
    name.
    """

    # Best files that are to go once better ones are saved.
    _replaced: dict[str, str] = {}
    # Within `_save_best_checkpoint`, after a validation.
    _saves_best = False

    def before_train(self, runner) -> None:
        """Prepare as MMEngine does, with what can be trusted."""
        surplus = self._take_surplus(runner)
        super().before_train(runner)
        for step in surplus:
            self._remove(runner, self.filename_tmpl.format(step))
        for key, path in list(self._best_paths()):
            if path:
                self._distrust(runner, key, str(path))

    def _take_surplus(self, runner) -> list[int]:
        """Surplus checkpoints of the run that is resumed, off the list."""
        hub = runner.message_hub
        if KEPT not in hub.runtime_info:
            return []
        ids = hub.get_info(KEPT)
        ids = [i for i in ids if type(i) is int] if isinstance(
            ids, (list, tuple)) else []
        kept = ids[-self.max_keep_ckpts:] if self.max_keep_ckpts > 0 else ids
        hub.update_info(KEPT, kept)
        return ids[:len(ids) - len(kept)]

    def _distrust(self, runner, key: str, path: str) -> None:
        """Take a best file for ours only if it lies in our folder."""
        own = self.file_backend.join_path(self.out_dir, os.path.basename(path))
        found = own if self._is_ours(own) else None
        if os.path.realpath(own) != os.path.realpath(path):
            runner.logger.warning(
                f'the checkpoint names {path} as the best one, which does not '
                f'lie in {self.out_dir} and stays as it is' +
                (f'; {own} is taken for it' if found else ''))
        self._set_best({key: found})
        runner.message_hub.update_info(key, found or '')

    def _save_checkpoint_with_step(self, runner, step, meta) -> None:
        """Save, and only then remove what is surplus."""
        self._remove_replaced(runner)
        surplus = self._count(runner, step)
        keep, self.max_keep_ckpts = self.max_keep_ckpts, -1
        try:
            super()._save_checkpoint_with_step(runner, step, meta)
        finally:
            self.max_keep_ckpts = keep
        for old in surplus:
            self._remove(runner, self.filename_tmpl.format(old))
        if keep > 0:
            runner.message_hub.update_info(KEPT, list(self.keep_ckpt_ids))

    def _count(self, runner, step: int) -> list[int]:
        """Add a checkpoint to those that are kept; gives the surplus.

        The surplus is on the list that is saved, so that a run killed before
        it is removed removes it when it resumes.
        """
        if self.max_keep_ckpts <= 0:
            return []
        ids = [i for i in self.keep_ckpt_ids if i != step] + [step]
        runner.message_hub.update_info(KEPT, ids)
        self.keep_ckpt_ids = deque(ids, self.max_keep_ckpts)
        return ids[:-self.max_keep_ckpts]

    def _save_best_checkpoint(self, runner, metrics) -> None:
        """Save the best, and only then remove the one before."""
        before = dict(self._best_paths())
        # MMEngine would remove it first.
        self._set_best(dict.fromkeys(before))
        self._replaced = {key: path for key, path in before.items() if path}
        self._saves_best = True
        try:
            super()._save_best_checkpoint(runner, metrics)
            self._remove_replaced(runner)
        finally:
            self._saves_best = False
            self._set_best({key: path or before.get(key)
                            for key, path in dict(self._best_paths()).items()})

    def _remove_replaced(self, runner) -> None:
        """Remove best files whose better ones are saved."""
        now = dict(self._best_paths())
        for key, old in list(self._replaced.items()):
            if now.get(key):
                del self._replaced[key]
                if old not in now.values():
                    self._remove(runner, os.path.basename(old))

    def _best_paths(self) -> Iterator[tuple[str, str | None]]:
        """The best file by its key in the message hub."""
        if self.save_best is None:
            return
        if len(self.key_indicators) == 1:
            yield 'best_ckpt', self.best_ckpt_path
            return
        for indicator in self.key_indicators:
            yield (f'best_ckpt_{indicator}',
                   self.best_ckpt_path_dict.get(indicator))

    def _set_best(self, paths: dict[str, str | None]) -> None:
        for key, path in paths.items():
            if len(self.key_indicators) == 1:
                self.best_ckpt_path = path
            else:
                self.best_ckpt_path_dict[
                    key.removeprefix('best_ckpt_')] = path

    def _is_ours(self, path: str) -> bool:
        """Whether it has a name that this hook gives, and is a file."""
        plain = re.sub(r'\\\{.*?\\\}', r'\\d+', re.escape(self.filename_tmpl))
        named = re.fullmatch(rf'(best_.+_)?{plain}', os.path.basename(path))
        return (bool(named) and self.file_backend.isfile(path)
                and not os.path.islink(path))

    def _remove(self, runner, name: str) -> None:
        """Remove one checkpoint of ours from the folder, if it is there."""
        path = self.file_backend.join_path(self.out_dir, name)
        if is_main_process() and self._is_ours(path):
            self.file_backend.remove(path)
            if name.startswith('best_'):
                runner.logger.info(
                    f'The previous best checkpoint {path} is removed')
