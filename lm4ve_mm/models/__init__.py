"""The OpenMMLab surface of the frozen block: thin wrappers, registered."""

from .frozen_llm_backbone import FrozenLLMBackbone
from .initializers import StrictPretrained
from .layers import META_KEY, find_llm_layers, unwrap
from .necks import (
    FrozenLLMNeck,
    FrozenLLMVideoNeck,
    TokenInsertNeck,
    TokenPoolingNeck,
)
from .origins import describe_start, prove_starts, report_frozen

__all__ = [
    'META_KEY', 'FrozenLLMBackbone', 'FrozenLLMNeck', 'FrozenLLMVideoNeck',
    'StrictPretrained', 'TokenInsertNeck', 'TokenPoolingNeck',
    'describe_start', 'find_llm_layers', 'prove_starts', 'report_frozen',
    'unwrap'
]
