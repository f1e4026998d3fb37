"""Says at the start that there is nothing to train on."""

from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.registry import HOOKS


@HOOKS.register_module()
class CheckDataHook(Hook):
    """Counts the batches of an epoch before it begins.

    With fewer samples than a batch, and ``drop_last``, an epoch has no step:
    MMEngine then writes checkpoints of the initial weights, and a best one.

    Raises:
        RunError: If there is no batch; gives the numbers.
    """

    def before_train(self, runner) -> None:
        """Look at the training data, and at the validation data."""
        self._check(runner, 'train')
        if runner.val_loop is not None:
            self._check(runner, 'val')

    def before_test(self, runner) -> None:
        """Look at the test data."""
        self._check(runner, 'test')

    @staticmethod
    def _check(runner, stage: str) -> None:
        loader = getattr(runner, f'{stage}_dataloader')
        if not isinstance(loader, DataLoader):
            return
        samples = len(loader.dataset)
        if samples and len(loader):
            return
        kind = type(loader.dataset).__name__
        if not samples:
            raise RunError(f'{kind} of {stage}_dataloader has no sample')
        world = runner.world_size
        shared = f' in each of {world} processes' if world > 1 else ''
        raise RunError(
            f'{stage}_dataloader has no batch: {kind} has {samples} samples, '
            f'batch_size is {loader.batch_size}{shared}, and drop_last=True '
            f'leaves an incomplete batch out. Set {stage}_dataloader.'
            f'batch_size to {max(samples // world, 1)} or less, or '
            'drop_last=False')
