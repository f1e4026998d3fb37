"""Checkpoints of MMEngine under torch's safe loader."""

import functools
import inspect
import pickle
from typing import Any

import numpy as np
import torch

# What MMEngine's HistoryBuffer pickles of itself.
HISTORY_METHODS = ('min', 'max', 'mean', 'current')
# Number types that message hubs and metrics are saved with.
NUMBER_TYPES = ('f4', 'f8', 'i4', 'i8', '?')


def allow_mmengine_history() -> None:
    """Let ``weights_only=True`` read the message hub in MMEngine checkpoints.

    Seen broken: mmengine 0.10.7 with torch >= 2.6, where resuming fails with
    ``Weights only load failed``; onedl-mmengine 0.10.12 reads such files but
    falls back to the unsafe loader. Removable when MMEngine saves plain
    Python values in its message hub.

    A history buffer pickles its own methods through ``getattr``. Allowing
    that builtin would open every attribute of every allowed class, so a
    checked function of ours takes its name instead.
    """
    from mmengine.logging import HistoryBuffer
    from mmengine.runner import checkpoint

    def history_getattr(owner: Any, name: str) -> Any:
        if owner is HistoryBuffer and name in HISTORY_METHODS:
            return getattr(HistoryBuffer, name)
        raise pickle.UnpicklingError(
            f'the checkpoint asks for getattr({owner!r}, {name!r}); only '
            f'{", ".join(HISTORY_METHODS)} of HistoryBuffer are allowed')

    allowed = torch.serialization.get_safe_globals()
    if HistoryBuffer not in allowed:
        multiarray = np._core.multiarray
        torch.serialization.add_safe_globals(
            [HistoryBuffer, np.ndarray, np.dtype,
             (history_getattr, 'builtins.getattr')]
            + [type(np.dtype(code)) for code in NUMBER_TYPES]
            # numpy 1 wrote `core`, numpy 2 writes `_core`.
            + [(getattr(multiarray, name), f'numpy.{core}.multiarray.{name}')
               for core in ('_core', 'core')
               for name in ('_reconstruct', 'scalar')])
    if hasattr(checkpoint, '_safe_torch_load'):
        checkpoint._safe_torch_load = _load_safely


def _load_safely(file: Any, map_location: Any = None,
                 weights_only: bool = True) -> Any:
    """Stand in for onedl-mmengine's loader, without its unsafe fallback."""
    return torch.load(file, map_location=map_location, weights_only=True)


def load_urls_safely() -> None:
    """Make MMEngine read downloaded checkpoints with ``weights_only=True``.

    Seen broken: mmengine 0.10.7 and onedl-mmengine 0.10.12 with torch 2.15.0,
    whose ``torch.hub.load_state_dict_from_url`` defaults to the unsafe loader
    and executes what a downloaded file asks for. Removable when that default
    is True.
    """
    from mmengine.runner import checkpoint

    default = inspect.signature(
        checkpoint.load_url).parameters['weights_only'].default
    if default is not True:
        checkpoint.load_url = functools.partial(
            checkpoint.load_url, weights_only=True)
