"""How METER is trained: rates by part, schedule, accumulation."""

from .accumulate_hook import AccumulateHook
from .param_groups import METEROptimWrapperConstructor
from .schedule import WarmupLinearLR

__all__ = [
    'AccumulateHook', 'METEROptimWrapperConstructor', 'WarmupLinearLR'
]
