"""Checkpoints of tensors and plain values, which load safely anywhere."""

from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer

from lm4ve_mm.registry import HOOKS

_MARK = 'history_buffer'


def to_plain(value: Any) -> Any:
    """Replace log histories and numpy values by tensors and Python values."""
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        return {
            _MARK:
            dict(
                log=torch.as_tensor(np.array(log, dtype=np.float64)),
                count=torch.as_tensor(np.array(count, dtype=np.int64)),
                max_length=value.max_length)
        }
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return type(value)((key, to_plain(item))
                           for key, item in value.items())
    if type(value) in (list, tuple):
        return type(value)(to_plain(item) for item in value)
    return value


def from_plain(value: Any) -> Any:
    """Give log histories their class again; inverse of :func:`to_plain`."""
    if not isinstance(value, dict):
        return value
    if set(value) == {_MARK}:
        held = value[_MARK]
        return HistoryBuffer(held['log'].cpu().numpy(),
                             held['count'].cpu().numpy(), held['max_length'])
    return type(value)((key, from_plain(item)) for key, item in value.items())


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Saves the message hub and metadata without pickled classes.

    MMEngine 0.10.7 pickles its log histories as objects, and torch since 2.6
    refuses such a file under ``weights_only=True``, its default: neither
    resume nor test would work. With this hook the file holds tensors and
    plain values, and a resumed run has the whole log history again.
    """

    # After every other hook has added to the checkpoint.
    priority = 'LOWEST'

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Make message hub and metadata plain."""
        for key in ('message_hub', 'meta'):
            checkpoint[key] = to_plain(checkpoint[key])

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Restore the message hub's classes before it is loaded."""
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = from_plain(checkpoint['message_hub'])
