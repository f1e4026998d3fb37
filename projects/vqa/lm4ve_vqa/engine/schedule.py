"""Warm-up and linear decay, in steps of the optimiser."""

from mmengine.optim.scheduler.param_scheduler import INF

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.engine.schedulers.closed_form import ClosedFormLR
from lm4ve_mm.registry import PARAM_SCHEDULERS
from lm4ve_mm.utils.errors import ConfigError


@PARAM_SCHEDULERS.register_module()
class WarmupLinearLR(ClosedFormLR):
    r"""Linear warm-up from zero, then a linear decay to zero, as in METER.

    With k accumulated iterations for a step of the optimiser, T = ``end`` //
    k steps and W = int(``warmup_ratio`` * T), a step t is taken at::

        t < W      lr * t / W
        t < T      lr * (T - t) / (T - W)
        otherwise  0

    k is that of the optimiser's wrapper, and within the k iterations of a
    step the rate stays. MMEngine's ``LinearLR`` cannot start from zero, and
    together with ``PolyLR`` it ends a step early.

    In a config the length is in epochs, with ``convert_to_iter_based=True``.

    Args:
        optimizer (Optimizer or BaseOptimWrapper): Whose groups to schedule.
        warmup_ratio (float): Of the steps, from 0 to 1.
        end (int): The length of the run in iterations, which MMEngine's
            runner fills in.
        by_epoch (bool): Whether the length is in epochs.
        last_step (int): Index of the last iteration done. Defaults to -1.
        verbose (bool): Whether to log each change. Defaults to False.

    Raises:
        ConfigError: If the ratio is none, or the run has no end.
    """

    def __init__(self,
                 optimizer,
                 warmup_ratio: float = 0.1,
                 end: int = INF,
                 by_epoch: bool = True,
                 last_step: int = -1,
                 verbose: bool = False) -> None:
        if not 0 <= warmup_ratio < 1 or end >= INF:
            raise ConfigError(
                f'WarmupLinearLR got warmup_ratio={warmup_ratio} and '
                f'end={end}; it needs a ratio from 0 to below 1 and an end')
        self.warmup_ratio = warmup_ratio
        self.length = end
        super().__init__(optimizer, end=end, last_step=last_step,
                         by_epoch=by_epoch, verbose=verbose)

    @classmethod
    def build_iter_from_epoch(cls, *args, end: int, epoch_length: int,
                              by_epoch: bool = True,
                              **kwargs) -> 'WarmupLinearLR':
        """Build from a length in epochs of ``epoch_length`` iterations."""
        if not by_epoch:
            raise ConfigError(
                'convert_to_iter_based=True converts epochs to iterations, '
                'but by_epoch=False says that these are iterations already')
        if not epoch_length:
            raise RunError(
                'an epoch has no iteration: the training data is smaller '
                'than one batch (train_dataloader.batch_size in each '
                'process), and drop_last leaves the rest out')
        return cls(*args, end=end * epoch_length, by_epoch=False, **kwargs)

    def lr_at(self, step: int, base_lr: float) -> float:
        """Rate of one iteration.

        Args:
            step (int): Index of the iteration, from 0.
            base_lr (float): Base rate of the group.

        Returns:
            float: The rate, in the units of ``base_lr``.
        """
        each = getattr(self.optimizer, '_accumulative_counts', 1)
        total = self.length // each
        warmup, now = int(self.warmup_ratio * total), step // each
        if now < warmup:
            return base_lr * now / warmup
        return base_lr * max(total - now, 0) / max(total - warmup, 1)
