"""The OpenMMLab surface of the frozen block: thin wrappers, registered."""

from .frozen_llm_backbone import FrozenLLMBackbone
from .initializers import StrictPretrained
from .layers import find_llm_layers
from .necks import FrozenLLMNeck, FrozenLLMVideoNeck, TokenPoolingNeck

__all__ = [
    'FrozenLLMBackbone', 'FrozenLLMNeck', 'FrozenLLMVideoNeck',
    'StrictPretrained', 'TokenPoolingNeck', 'find_llm_layers'
]
