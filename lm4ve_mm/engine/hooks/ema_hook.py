"""An averaged copy of the model that is kept, but not evaluated."""


from mmengine.hooks import EMAHook
from mmengine.runner.checkpoint import weights_to_cpu

from lm4ve_mm.registry import HOOKS

# Tells our checkpoints from those of mmengine's EMAHook, in which
# `state_dict` holds the average and `ema_state_dict` the raw model.
EMA_MARK = 'raw_eval_ema'


@HOOKS.register_module()
class RawEvalEMAHook(EMAHook):
    """Average the weights on the side; evaluate and save the raw model.

    The code of arXiv 2310.12973 keeps an average of decay 0.99996, and
    evaluates the raw model. MMEngine's hook evaluates the
    average and saves it as ``state_dict``. Here validation, test and
    ``state_dict`` are the raw model, and the average is in the checkpoint
    under ``ema_state_dict`` (keys ``steps`` and ``module.<name>``).

    The average starts as a copy of the weights after the first iteration:
    MMEngine initialises the model later than it makes the copy.

    Args:
        momentum (float): Weight of the new value, one minus the decay.
            Defaults to 4e-5.
        **kwargs: Other arguments of :class:`mmengine.hooks.EMAHook`;
            ``strict_load`` is True here unless given.
    """

    def __init__(self, momentum: float = 4e-5, **kwargs):
        kwargs.setdefault('strict_load', True)
        super().__init__(momentum=momentum, **kwargs)

    def before_val_epoch(self, runner) -> None:
        """Leave the raw model in place for validation."""

    def after_val_epoch(self,
                        runner,
                        metrics: dict[str, float] | None = None) -> None:
        """Nothing to swap back."""

    def before_test_epoch(self, runner) -> None:
        """Leave the raw model in place for the test."""

    def after_test_epoch(self,
                         runner,
                         metrics: dict[str, float] | None = None) -> None:
        """Nothing to swap back."""

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the average beside the raw ``state_dict``.

        Args:
            runner (Runner): The runner of the training.
            checkpoint (dict): What is about to be saved.
        """
        checkpoint['ema_state_dict'] = weights_to_cpu(
            self.ema_model.state_dict())
        checkpoint['meta'][EMA_MARK] = True

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Take up the average again when a run is resumed.

        Nothing is read otherwise: the first update copies the raw model.

        Args:
            runner (Runner): The runner that loads.
            checkpoint (dict): What was loaded.

        Raises:
            KeyError: If the run resumes from a file without an average.
            ValueError: If the file is one of MMEngine's ``EMAHook``, whose
                ``state_dict`` is the average and not the raw model.
        """
        if not runner._resume:
            return
        if 'ema_state_dict' not in checkpoint:
            raise KeyError(
                'RawEvalEMAHook: the checkpoint to resume from has no '
                '`ema_state_dict`, so the run cannot go on exactly. Remove '
                'the hook from custom_hooks, or start a new run from these '
                'weights with load_from=FILE and resume=False.')
        if not checkpoint['meta'].get(EMA_MARK):
            raise ValueError(
                'RawEvalEMAHook: the checkpoint to resume from was written '
                'by mmengine.EMAHook, which stores the average as '
                '`state_dict` and the raw model as `ema_state_dict`. Resume '
                'it with mmengine.EMAHook in custom_hooks, or start a new '
                'run from it with load_from=FILE and resume=False.')
        self.ema_model.load_state_dict(
            checkpoint['ema_state_dict'], strict=self.strict_load)
