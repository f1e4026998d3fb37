"""Gradients that wait for the step of an unfinished accumulation."""

import torch
from mmengine.dist import all_reduce
from mmengine.optim import OptimWrapperDict
from torch import Tensor

from lm4ve_mm.models import unwrap


def _parameters(runner) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in unwrap(runner.model).named_parameters()
            if p.requires_grad]


def _accumulates(runner) -> bool:
    """Whether any optimiser steps less often than every iteration."""
    wrapper = runner.optim_wrapper
    wrappers = (wrapper.values() if isinstance(wrapper, OptimWrapperDict)
                else [wrapper])
    return any(getattr(one, '_accumulative_counts', 1) > 1 for one in wrappers)


def pending_gradients(runner) -> dict[str, Tensor]:
    """Copies of what has been accumulated since the last step.

    Every process has to call it: each has gradients of its own until the
    step, which averages them, so the average is given.

    Args:
        runner (Runner): Between two iterations.

    Returns:
        dict: Gradients on the CPU by the parameter's name; empty where an
        accumulation has just ended.
    """
    if not _accumulates(runner):
        return {}
    found = {}
    for name, p in _parameters(runner):
        if p.grad is not None:
            gradient = p.grad.detach().clone()
            if runner.world_size > 1:
                all_reduce(gradient, op='mean')
            found[name] = gradient.cpu()
    return found


def restore_gradients(runner, gradients: dict[str, Tensor]) -> None:
    """Put them back, before the first iteration of a resumed run."""
    for name, p in _parameters(runner):
        if name in gradients:
            p.grad = gradients[name].to(p.device, p.dtype)
