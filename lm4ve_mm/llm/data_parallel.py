"""Frozen blocks under ``torch.nn.parallel.DistributedDataParallel``."""

from typing import Any

from torch import nn

from .verified_layer import VerifiedLayer


def ignore_in_ddp(model: nn.Module) -> nn.Module:
    """Tell DDP to leave the frozen tensors of ``model`` alone.

    By default DDP sends all buffers from rank 0 to the other ranks, at the
    start and before each forward pass. The ranks of one machine that read the
    same checkpoint share its pages in memory; once written to, each rank has
    a copy of its own. MMEngine's wrapper does not send buffers and does not
    need this.

    Args:
        model: What is about to be wrapped.

    Returns:
        The model.
    """
    names = set(getattr(model, '_ddp_params_and_buffers_to_ignore', ()))
    for prefix, module in model.named_modules():
        if isinstance(module, VerifiedLayer):
            dot = f'{prefix}.' if prefix else ''
            names |= {dot + name for name in module.frozen_tensors()}
    # DDP reads this attribute; its documentation names it for the purpose.
    ignored: Any = sorted(names)
    model._ddp_params_and_buffers_to_ignore = ignored
    return model
