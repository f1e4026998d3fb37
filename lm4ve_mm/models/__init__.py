"""The OpenMMLab surface of the frozen block: thin wrappers, registered."""

from .frozen_llm_backbone import FrozenLLMBackbone
from .initializers import StrictPretrained
from .layers import META_KEY, find_llm_layers, unwrap
from .necks import FrozenLLMNeck, FrozenLLMVideoNeck, TokenPoolingNeck

__all__ = [
    'META_KEY', 'FrozenLLMBackbone', 'FrozenLLMNeck', 'FrozenLLMVideoNeck',
    'StrictPretrained', 'TokenPoolingNeck', 'find_llm_layers', 'unwrap'
]
