"""Accumulates gradients until a batch of the recipe's size is seen."""

from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper

from lm4ve_mm.registry import HOOKS
from lm4ve_mm.utils.errors import ConfigError


@HOOKS.register_module()
class AccumulateHook(Hook):
    """Sets how many iterations make a step of the optimiser.

    As in METER: the recipe's batch over what all processes see at once,
    rounded down, at least one.

    Args:
        batch_size: Samples for a step.
    """

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def before_run(self, runner) -> None:
        """Set it, before anything is counted.

        Raises:
            ConfigError: If the config says it too, or scales the rate.
        """
        wrapper = getattr(runner, 'optim_wrapper', None)
        if not isinstance(wrapper, OptimWrapper):
            return  # a test
        if wrapper._accumulative_counts != 1:
            raise ConfigError(
                'optim_wrapper.accumulative_counts='
                f'{wrapper._accumulative_counts} and AccumulateHook('
                f'batch_size={self.batch_size}) both say how many iterations '
                'make a step: take one of them out')
        if (runner.cfg.get('auto_scale_lr') or {}).get('enable'):
            raise ConfigError(
                f'AccumulateHook keeps the batch at {self.batch_size}, so '
                'the rate must not be scaled: leave out --auto-scale-lr')
        each = runner.train_dataloader.batch_size
        processes = get_world_size()
        counts = max(self.batch_size // (each * processes), 1)
        wrapper._accumulative_counts = counts
        print_log(
            f'A step of the optimiser is {counts} iterations of {each} '
            f'samples in {processes} processes: {counts * each * processes} '
            f'samples, where the recipe has {self.batch_size}',
            logger='current')
