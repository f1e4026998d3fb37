"""Checkpoints that a later mishap cannot take away."""

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.optim import AmpOptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop

from lm4ve_mm.engine.errors import NonFiniteError
from lm4ve_mm.engine.finite import (
    FiniteWatch,
    non_finite_names,
    seen_by_any,
)
from lm4ve_mm.engine.pending_gradients import (
    pending_gradients,
    restore_gradients,
)
from lm4ve_mm.engine.work_dir_lock import lock_work_dir
from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import HOOKS

from .tidy_checkpoint_hook import TidyCheckpointHook

VALIDATED = 'validated'
PENDING = 'pending_gradients'
ON_NON_FINITE = ('stop', 'go_on')


@HOOKS.register_module()
class SafeCheckpointHook(TidyCheckpointHook):
    """MMEngine's hook, which loses nothing that training has won.

    * A checkpoint that is surplus is removed after the new one is saved.
    * Only regular files in the folder of the checkpoints are removed, by the
      names that this hook gives; what a resumed checkpoint names elsewhere
      stays.
    * Weights that are not finite are never saved, and a loss or weights that
      are not stop the training. The loss is looked at every ``interval``
      iterations and at the end of each epoch, without waiting for the GPU in
      between.
    * A run resumed from a checkpoint whose epoch was not validated validates
      it first, so that the best checkpoint is the one it would have been.
    * Gradients that are accumulated across the end of an epoch are saved.
    * A second training in the same work folder is refused.

    :class:`FindCheckpointHook` puts it in the place of MMEngine's own.

    Args:
        non_finite (str): ``'stop'``, or ``'go_on'``: warn, and save nothing
            until the weights are finite again.
        check_interval (int): Iterations from look to look.
        **kwargs: Of :class:`mmengine.hooks.CheckpointHook`.

    Raises:
        NonFiniteError: If loss or weights are not finite; names the first
            iteration.
        WorkDirInUseError: If another training has the work folder.
    """

    def __init__(self,
                 *args,
                 non_finite: str = 'stop',
                 check_interval: int = 50,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if non_finite not in ON_NON_FINITE:
            raise ValueError(f'non_finite={non_finite!r} is unknown; known: '
                             f'{", ".join(ON_NON_FINITE)}')
        self._begin(non_finite, check_interval)

    def _begin(self, non_finite: str, check_interval: int) -> None:
        self.non_finite = non_finite
        self.check_interval = check_interval
        self._watch = FiniteWatch()
        self._iteration = 0
        self._pending: dict = {}
        self._resumed: dict | None = None

    @classmethod
    def adopt(cls, hook: CheckpointHook) -> 'SafeCheckpointHook':
        """One that does what a hook of MMEngine was configured to do."""
        adopted = cls.__new__(cls)
        adopted.__dict__.update(hook.__dict__)
        adopted._begin('stop', 50)
        return adopted

    def before_run(self, runner) -> None:
        """Claim the work folder, if this is a training."""
        if not isinstance(runner._train_loop,
                          BaseLoop) or not is_main_process():
            return
        if not lock_work_dir(runner.work_dir):
            runner.logger.warning(
                f'{runner.work_dir} lies on a file system without locks: '
                'nothing keeps a second training out of it')

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Note what the run resumes from."""
        if runner._resume:
            self._resumed = dict(
                pending=checkpoint.pop(PENDING, {}),
                validated=checkpoint.get('meta', {}).get(VALIDATED, False))

    def before_train(self, runner) -> None:
        """Prepare; after a resume, do what came after its checkpoint."""
        super().before_train(runner)
        resumed, self._resumed = self._resumed, None
        if resumed is None:
            return
        if resumed['pending']:
            restore_gradients(runner, resumed['pending'])
            runner.logger.info('the gradients that were accumulated before '
                               'the checkpoint are there again')
        if not resumed['validated'] and self._validation_is_due(runner):
            runner.logger.info(
                'the validation after the checkpoint may not have ended: '
                'validating again')
            runner.val_loop.run()

    @staticmethod
    def _validation_is_due(runner) -> bool:
        """Whether the loop would validate where the checkpoint was saved."""
        loop, val_loop = runner.train_loop, runner.val_loop
        if val_loop is None:
            return False
        if hasattr(loop, '_decide_current_val_interval'):
            loop._decide_current_val_interval()
        by_iter = hasattr(loop, 'dataloader_iterator')
        done, end = ((loop.iter, loop.max_iters) if by_iter else
                     (loop.epoch, loop.max_epochs))
        steps = len(loop.dataloader)
        if not by_iter and loop.iter != loop.epoch * steps:
            # Saved within an epoch, or trained on another number of batches.
            return False
        return done > 0 and done >= loop.val_begin and (
            done % loop.val_interval == 0 or done == end)

    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs=None) -> None:
        """Note the loss, look at it now and then, and save if it is time."""
        self._iteration = runner.iter + 1
        self._watch.note(outputs, self._iteration)
        if self.every_n_train_iters(runner, self.check_interval):
            self._look(runner)
        super().after_train_iter(
            runner, batch_idx, data_batch=data_batch, outputs=outputs)

    def after_train_epoch(self, runner) -> None:
        """Look at loss and weights, and save if it is time."""
        self._look(runner)
        super().after_train_epoch(runner)

    def after_val_epoch(self, runner, metrics=None) -> None:
        """Save the best of a training; validation alone saves nothing."""
        if isinstance(runner._train_loop, BaseLoop):
            super().after_val_epoch(runner, metrics)

    def _look(self, runner) -> bool:
        """Stop or warn if loss or weights are not finite.

        Every process has to call it, and all of them stop together: one that
        went on would wait for the others for ever.

        Returns:
            bool: Whether the weights are.
        """
        first, names = seen_by_any(
            self._watch.first(), non_finite_names(unwrap(runner.model)))
        self._watch.reset()
        if first is None and not names:
            return True
        what = [f'the loss was NaN or infinite, first in iteration {first}'
                ] if first else []
        if names:
            what.append(
                f'{len(names)} tensors of the model hold NaN or infinity by '
                f'iteration {self._iteration} ({", ".join(names[:3])}'
                f'{", ..." if names[3:] else ""})')
        text = '; '.join(what)
        # Its loss scaler leaves such a step out.
        skipped = not names and _scales_loss(runner.optim_wrapper)
        if self.non_finite == 'stop' and not skipped:
            last = self.last_ckpt or runner._load_from
            raise NonFiniteError(
                f'{text}. The training stops; the last checkpoint with finite '
                f'weights is {last or "none"}. Lower the learning rate, clip '
                'gradients (optim_wrapper.clip_grad), or look at the data; '
                "default_hooks.checkpoint.non_finite='go_on' only warns")
        runner.logger.warning(
            f'{text}. The training goes on'
            f'{", and saves no such weights" if names else ""}')
        return not names

    def _save_checkpoint_with_step(self, runner, step, meta) -> None:
        """Save finite weights, and what a resumed run needs to know."""
        if not self._look(runner):
            return
        self._pending = pending_gradients(runner)
        if self._saves_best:
            meta = dict(meta, **{VALIDATED: True})
        super()._save_checkpoint_with_step(runner, step, meta)
        self._pending = {}

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the gradients, to what can be resumed from."""
        if 'optimizer' in checkpoint and self._pending:
            checkpoint[PENDING] = self._pending

    def _save_best_checkpoint(self, runner, metrics) -> None:
        """Save finite weights that are the best so far."""
        if self.save_best and self._look(runner):
            super()._save_best_checkpoint(runner, metrics)


def _scales_loss(wrapper) -> bool:
    """Whether a loss scaler leaves out steps of infinite gradients."""
    wrappers = (wrapper.values() if isinstance(wrapper, OptimWrapperDict)
                else [wrapper])
    return any(isinstance(one, AmpOptimWrapper) for one in wrappers)
