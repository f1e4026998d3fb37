"""The learning rate of DeiT and Point-BERT, epoch by epoch, in closed form."""

import logging
import math

from mmengine.logging import print_log
from mmengine.optim.scheduler.param_scheduler import INF

from lm4ve_mm.registry import PARAM_SCHEDULERS
from lm4ve_mm.utils.errors import ConfigError

from .closed_form import ClosedFormLR


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(ClosedFormLR):
    r"""Linear warm-up into a cosine, as timm 0.4 computes it for DeiT.

    With ``t = max(epoch - lag, 0)`` and a group's own base rate ``lr``::

        t < warmup_epochs  warmup_lr + (lr - warmup_lr) * t / warmup_epochs
        t < max_epochs     min_lr + (lr - min_lr) * (1 + cos(pi t / T)) / 2
        otherwise          min_lr                        (T = max_epochs)

    Three habits of that code decide the numbers of the paper (arXiv
    2310.12973, C.1). The cosine counts from epoch 0, not from the end of the
    warm-up, so the base rate itself is never reached. DeiT hands the
    scheduler the index of the epoch just done, so its value lags by one and
    epochs 0 and 1 both run at ``warmup_lr``. And ``warmup_lr`` and ``min_lr``
    are absolute: neither ``--auto-scale-lr`` nor a group's ``lr_mult``
    touches them.

    Args:
        optimizer (Optimizer or BaseOptimWrapper): Whose groups to schedule.
        warmup_epochs (int): Length of the warm-up in epochs. Defaults to 20.
        warmup_lr (float): Rate of epoch 0. Defaults to 1e-6.
        min_lr (float): Rate at ``max_epochs``. Defaults to 1e-5.
        max_epochs (int): Length of the schedule in epochs. Defaults to 300.
        lag (int): Epochs by which the value lags; 1 is DeiT, 0 is the plain
            formula. Defaults to 1.
        by_epoch (bool): Must be True: the formula is in epochs.
        end (int): Epochs in the run, which MMEngine's runner fills in. A run
            of another length than ``max_epochs`` is logged as a warning; so
            many and ``lag`` more, as in Point-BERT, is no other length.
        last_step (int): Index of the last epoch done. Defaults to -1.
        verbose (bool): Whether to log each change. Defaults to False.

    Raises:
        ConfigError: If the schedule is not by epochs, a length is out of
            range, a rate is negative, or a group's base rate is below
            ``min_lr``, which would make the cosine rise.
    """

    def __init__(self,
                 optimizer,
                 warmup_epochs: int = 20,
                 warmup_lr: float = 1e-6,
                 min_lr: float = 1e-5,
                 max_epochs: int = 300,
                 lag: int = 1,
                 by_epoch: bool = True,
                 end: int = INF,
                 last_step: int = -1,
                 verbose: bool = False):
        if not by_epoch:
            raise ConfigError(
                'WarmupCosineLR got by_epoch=False, but its formula is in '
                'epochs. Use by_epoch=True, or mmengine.LinearLR followed '
                'by mmengine.CosineAnnealingLR to step by iterations.')
        if not 0 <= warmup_epochs < max_epochs:
            raise ConfigError(
                f'WarmupCosineLR got warmup_epochs={warmup_epochs} and '
                f'max_epochs={max_epochs}; it needs 0 <= warmup_epochs < '
                'max_epochs, or the cosine never starts.')
        if lag < 0 or warmup_lr < 0 or min_lr < 0:
            raise ConfigError(
                f'WarmupCosineLR got lag={lag}, warmup_lr={warmup_lr}, '
                f'min_lr={min_lr}; none of them may be negative.')
        self.warmup_epochs = warmup_epochs
        self.warmup_lr = warmup_lr
        self.min_lr = min_lr
        self.max_epochs = max_epochs
        self.lag = lag
        self._check_groups(optimizer)
        if end not in (INF, max_epochs, max_epochs + lag):
            print_log(
                f'The run has {end} epochs, WarmupCosineLR has max_epochs='
                f'{max_epochs}. Set param_scheduler.max_epochs={end} unless '
                'the schedule is meant to be cut or to idle at its end.',
                logger='current',
                level=logging.WARNING)
        super().__init__(
            optimizer,
            end=end,
            last_step=last_step,
            by_epoch=by_epoch,
            verbose=verbose)

    @classmethod
    def build_iter_from_epoch(cls, *args, **kwargs):
        """Refuse ``convert_to_iter_based``: DeiT steps once per epoch."""
        raise ConfigError(
            'WarmupCosineLR got convert_to_iter_based=True, but it steps '
            'once per epoch. Remove that key from param_scheduler.')

    def lr_at(self, epoch: int, base_lr: float) -> float:
        """Rate of one epoch.

        Args:
            epoch (int): Index of the epoch, from 0.
            base_lr (float): Base rate of the group.

        Returns:
            float: The rate, in the units of ``base_lr``.
        """
        t = max(epoch - self.lag, 0)
        if t < self.warmup_epochs:
            slope = (base_lr - self.warmup_lr) / self.warmup_epochs
            return self.warmup_lr + slope * t
        if t >= self.max_epochs:
            return self.min_lr
        cosine = (1 + math.cos(math.pi * t / self.max_epochs)) / 2
        return self.min_lr + (base_lr - self.min_lr) * cosine

    def _check_groups(self, optimizer) -> None:
        """Refuse a group whose rate the cosine would raise."""
        lowest = min(
            group.get('initial_lr', group['lr'])
            for group in optimizer.param_groups)
        if lowest < self.min_lr:
            raise ConfigError(
                f'A parameter group has the base lr {lowest:g}, below '
                f'min_lr={self.min_lr:g}, which is absolute (not scaled by '
                '--auto-scale-lr or lr_mult): its rate would rise. Set '
                f'param_scheduler.min_lr to {lowest:g} or less, or raise '
                'the lr.')
