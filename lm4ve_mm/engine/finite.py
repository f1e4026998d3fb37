"""Whether a training has turned NaN or infinite, and since when."""

import torch
from mmengine.dist import all_gather_object
from torch import Tensor, nn

# Later than any iteration.
_NEVER = torch.iinfo(torch.int64).max


class FiniteWatch:
    """Notes the first iteration whose loss is not finite.

    The note is kept on the loss's device, so that the host need not wait for
    an iteration to end; it is read only when somebody asks.
    """

    def __init__(self) -> None:
        self._first: Tensor | None = None

    def note(self, outputs: dict | None, iteration: int) -> None:
        """Look at the losses of an iteration, without waiting for them.

        Args:
            outputs: What the model's ``train_step`` gave.
            iteration: Its number, from 1 as in the log.
        """
        if not isinstance(outputs, dict):
            return
        losses = [torch.as_tensor(value).detach()
                  for name, value in outputs.items()
                  if 'loss' in name and isinstance(value, (Tensor, float))]
        for loss in losses:
            if self._first is None:
                self._first = torch.full(
                    (), _NEVER, dtype=torch.int64, device=loss.device)
            now = torch.where(torch.isfinite(loss).all(), _NEVER, iteration)
            self._first = torch.minimum(
                self._first, now.to(self._first.device))

    def first(self) -> int | None:
        """The first such iteration since the last reset, or None.

        Waits for the device.
        """
        if self._first is None:
            return None
        first = int(self._first)
        return None if first == _NEVER else first

    def reset(self) -> None:
        """Forget what was noted."""
        self._first = None


def non_finite_names(model: nn.Module) -> list[str]:
    """Names of weights and statistics that hold NaN or infinity.

    Args:
        model: Only what its checkpoints save is looked at.
    """
    held = {name: tensor for name, tensor in model.state_dict().items()
            if isinstance(tensor, Tensor) and tensor.is_floating_point()}
    if not held:
        return []
    # One wait for the device, not one per tensor.
    device = next(iter(held.values())).device
    finite = torch.stack([torch.isfinite(tensor).all().to(device)
                          for tensor in held.values()]).tolist()
    return [name for name, good in zip(held, finite, strict=True) if not good]


def seen_by_any(first: int | None, names: list[str]
                ) -> tuple[int | None, list[str]]:
    """What any process has seen; every process has to call it.

    Args:
        first: The first iteration whose loss was not finite here, or None.
        names: Of the tensors that are not finite here.

    Returns:
        tuple: The earliest such iteration, and the names of all processes.
    """
    found = all_gather_object((first, names))
    iterations = [one for one, _ in found if one is not None]
    return (min(iterations, default=None),
            list(dict.fromkeys(name for _, held in found for name in held)))
