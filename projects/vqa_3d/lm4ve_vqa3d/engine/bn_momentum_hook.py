"""Batch norms that average over more and more batches."""

from mmengine.hooks import Hook
from torch.nn.modules.batchnorm import _BatchNorm

from lm4ve_mm.registry import HOOKS


@HOOKS.register_module()
class BNMomentumHook(Hook):
    """Sets the momentum of all batch norms, epoch by epoch.

    ``max(floor, start * factor ** (epoch // step))``, in PyTorch's
    convention, where a high momentum forgets quickly. A resumed run goes on
    with the momentum of its epoch. The defaults are those of VoteNet and
    SQA3D.

    Args:
        start: Momentum of epoch 0.
        factor: By which it is multiplied after ``step`` epochs.
        step: In epochs.
        floor: The least momentum.
    """

    def __init__(self, start: float = .5, factor: float = .5, step: int = 20,
                 floor: float = .001) -> None:
        self.start, self.factor = start, factor
        self.step, self.floor = step, floor

    def momentum(self, epoch: int) -> float:
        """The momentum of an epoch, counted from 0."""
        return max(self.floor,
                   self.start * self.factor ** (epoch // self.step))

    def before_train_epoch(self, runner) -> None:
        """Set the momentum of this epoch."""
        momentum = self.momentum(runner.epoch)
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = momentum
