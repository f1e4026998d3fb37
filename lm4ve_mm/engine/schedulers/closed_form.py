"""Schedules whose value follows from the step alone."""

import logging

from mmengine.logging import print_log
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

# What a schedule remembers of its run; the rest is what it was given.
RUNNING = ('optimizer', 'last_step', '_global_step', '_last_value',
           'base_values', 'verbose')


class ClosedFormLR(LRSchedulerMixin, _ParamScheduler):
    """A schedule that a resumed run may continue with other lengths.

    MMEngine restores everything from the checkpoint, lengths included, so a
    run resumed with a larger ``max_epochs`` would stay at the end of its old
    schedule. Here the configuration wins: rates are those of a run that had
    this schedule from its first step on. A warning names what differs.
    """

    def lr_at(self, step: int, base_lr: float) -> float:
        """Rate of one step, from the base rate of its group."""
        raise NotImplementedError

    def _get_value(self) -> list[float]:
        return [self.lr_at(self.last_step, base) for base in self.base_values]

    def load_state_dict(self, state_dict: dict) -> None:
        """Take up the state of a checkpoint, but not its configuration.

        Args:
            state_dict (dict): What :meth:`state_dict` gave then.
        """
        given = {key: value for key, value in self.__dict__.items()
                 if key not in RUNNING}
        differing = [
            f'{key}={value!r} instead of {state_dict[key]!r}'
            for key, value in given.items()
            if key in state_dict and state_dict[key] != value
        ]
        super().load_state_dict({**state_dict, **given})
        if not differing:
            return
        self.last_step = min(self._global_step, self.end - 1)
        for group, value in zip(
                self.optimizer.param_groups, self._get_value(), strict=True):
            group[self.param_name] = value
        print_log(
            f'{type(self).__name__}: the schedule of the config goes on, not '
            f'that of the checkpoint: {", ".join(differing)}. The next rate '
            f'is {self.optimizer.param_groups[0][self.param_name]:g}',
            logger='current',
            level=logging.WARNING)
