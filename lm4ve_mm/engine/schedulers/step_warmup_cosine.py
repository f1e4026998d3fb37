"""The learning rate of VideoMAE, step by step, in closed form."""

import math

from mmengine.optim.scheduler.param_scheduler import INF

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.registry import PARAM_SCHEDULERS
from lm4ve_mm.utils.errors import ConfigError

from .closed_form import ClosedFormLR


@PARAM_SCHEDULERS.register_module()
class StepWarmupCosineLR(ClosedFormLR):
    r"""Linear warm-up from zero, then a cosine, as VideoMAE computes it.

    With W = ``warmup`` and T = ``end``, both in steps, and a group's own base
    rate ``lr``, of which ``low = min_ratio * lr``::

        t < W      lr * t / (W - 1)
        t < T      low + (lr - low) * (1 + cos(pi (t - W) / (T - W))) / 2
        otherwise  low

    The first step is taken at zero and changes nothing, and the base rate is
    reached twice, at W - 1 and at W. The lower end is relative: batch size
    (``--auto-scale-lr``) and layer decay scale it along with the rate, as
    VideoMAE's code does. Its argument ``warmup_lr`` has no effect there and no
    counterpart here. MMEngine's ``LinearLR`` cannot start from zero.

    In a config lengths are in epochs, with ``convert_to_iter_based=True``.

    Args:
        optimizer (Optimizer or BaseOptimWrapper): Whose groups to schedule.
        warmup (int): W, the length of the warm-up.
        min_ratio (float): Last rate over base rate, from 0 to 1.
        end (int): T, the length of the run, which MMEngine's runner fills in.
        by_epoch (bool): Whether lengths are in epochs rather than steps.
        last_step (int): Index of the last step done. Defaults to -1.
        verbose (bool): Whether to log each change. Defaults to False.

    Raises:
        ConfigError: If the warm-up is not shorter than the run, the run has no
            end, or the ratio is not one.
    """

    def __init__(self,
                 optimizer,
                 warmup: int,
                 min_ratio: float,
                 end: int = INF,
                 by_epoch: bool = True,
                 last_step: int = -1,
                 verbose: bool = False) -> None:
        if not 0 <= warmup < end or end >= INF:
            raise ConfigError(
                f'StepWarmupCosineLR got warmup={warmup} and end={end}; it '
                'needs 0 <= warmup < end, or the cosine never starts')
        if not 0 <= min_ratio <= 1:
            raise ConfigError(
                f'min_ratio={min_ratio} is the last rate over the base rate, '
                'from 0 to 1; for a rate of 1e-6 at lr=1e-3 give 1e-3')
        self.warmup = warmup
        self.min_ratio = min_ratio
        self.length = end
        super().__init__(
            optimizer,
            end=end,
            last_step=last_step,
            by_epoch=by_epoch,
            verbose=verbose)

    @classmethod
    def build_iter_from_epoch(cls, *args, warmup: int, end: int,
                              epoch_length: int, by_epoch: bool = True,
                              **kwargs) -> 'StepWarmupCosineLR':
        """Build from lengths in epochs, for ``epoch_length`` steps each."""
        if not by_epoch:
            raise ConfigError(
                'convert_to_iter_based=True converts epochs to steps, but '
                'by_epoch=False says that these are steps already')
        if not epoch_length:
            raise RunError(
                'an epoch has no step: the training data is smaller than one '
                'batch (train_dataloader.batch_size in each process), and '
                'drop_last leaves the rest out')
        return cls(*args, warmup=warmup * epoch_length,
                   end=end * epoch_length, by_epoch=False, **kwargs)

    def lr_at(self, step: int, base_lr: float) -> float:
        """Rate of one step.

        Args:
            step (int): Index of the step, from 0.
            base_lr (float): Base rate of the group.

        Returns:
            float: The rate, in the units of ``base_lr``.
        """
        if step < self.warmup:
            return base_lr * step / max(self.warmup - 1, 1)
        low = self.min_ratio * base_lr
        if step >= self.length:
            return low
        turn = (step - self.warmup) / (self.length - self.warmup)
        return low + (base_lr - low) * (1 + math.cos(math.pi * turn)) / 2
