"""Checkpoints of MMEngine under torch's safe loader."""

import functools
import inspect
import pickle
from typing import Any

import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint

from lm4ve_mm.utils.unpickling import ARRAY_PARTS

# What MMEngine's HistoryBuffer pickles of itself.
HISTORY_METHODS = ('min', 'max', 'mean', 'current')


def _history_getattr(owner: Any, name: str) -> Any:
    """Stand in for ``getattr``, which would open every attribute."""
    if owner is HistoryBuffer and name in HISTORY_METHODS:
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        f'the checkpoint asks for getattr({owner!r}, {name!r}); only '
        f'{", ".join(HISTORY_METHODS)} of HistoryBuffer are allowed')


def allow_mmengine_history() -> bool:
    """Let ``weights_only=True`` read the message hub of MMEngine.

    It holds log histories, which pickle arrays and methods of their own. Of
    numpy nothing is allowed but what rebuilds arrays of numbers.
    """
    if HistoryBuffer in torch.serialization.get_safe_globals():
        return False
    torch.serialization.add_safe_globals(
        [HistoryBuffer, (_history_getattr, 'builtins.getattr'),
         *((part, name) for name, part in ARRAY_PARTS.items())])
    return True


def replace_unsafe_fallback() -> bool:
    """Give onedl-mmengine a loader that never falls back to the unsafe one."""
    if getattr(checkpoint, '_safe_torch_load', _load) is _load:
        return False
    checkpoint._safe_torch_load = _load
    return True


def _load(file: Any, map_location: Any = None,
          weights_only: bool = True) -> Any:
    return torch.load(file, map_location=map_location, weights_only=True)


def load_urls_safely() -> bool:
    """Make MMEngine read downloaded checkpoints with ``weights_only=True``."""
    load_url = checkpoint.load_url
    if inspect.signature(load_url).parameters['weights_only'].default is True:
        return False
    checkpoint.load_url = functools.partial(load_url, weights_only=True)
    return True
