"""Hooks."""

from .check_classes_hook import CheckClassesHook
from .check_data_hook import CheckDataHook
from .ema_hook import RawEvalEMAHook
from .epoch_seed_hook import EpochSeedHook
from .freeze_hook import FreezeLLMHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .resume_hook import FindCheckpointHook
from .safe_checkpoint_hook import SafeCheckpointHook

__all__ = [
    'CheckClassesHook', 'CheckDataHook', 'EpochSeedHook',
    'FindCheckpointHook', 'FreezeLLMHook', 'PlainCheckpointHook',
    'RawEvalEMAHook', 'SafeCheckpointHook'
]
