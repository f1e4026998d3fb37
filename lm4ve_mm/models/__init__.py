"""The OpenMMLab surface of the frozen block: thin wrappers, registered."""

from .backbones import FrozenLLMBackbone
from .layers import find_llm_layers
from .necks import FrozenLLMNeck, TokenPoolingNeck

__all__ = [
    'FrozenLLMBackbone', 'FrozenLLMNeck', 'TokenPoolingNeck',
    'find_llm_layers'
]
