"""Frozen blocks under ``torch.nn.parallel.DistributedDataParallel``."""

from torch import nn

from .verified_layer import GuardedLayer


def ignore_in_ddp(model: nn.Module) -> nn.Module:
    """Tell DDP to leave the frozen tensors of ``model`` alone.

    By default DDP sends all buffers from rank 0 to the others, at the start
    and before each forward pass. The ranks of one machine that read the same
    checkpoint share its pages; written to, each would have a copy of its
    own. MMEngine's wrapper does not send buffers, so there is no need then.

    Args:
        model: What is about to be wrapped.

    Returns:
        The model.
    """
    names = set(getattr(model, '_ddp_params_and_buffers_to_ignore', ()))
    for prefix, module in model.named_modules():
        if isinstance(module, GuardedLayer):
            dot = f'{prefix}.' if prefix else ''
            names |= {dot + name for name in module.frozen_tensors()}
    # Where DDP looks, documented for models with parts of their own kind.
    model._ddp_params_and_buffers_to_ignore = sorted(names)
    return model
