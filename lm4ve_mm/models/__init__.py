"""The OpenMMLab surface of the frozen block: thin wrappers, registered."""

from .backbones import FrozenLLMBackbone
from .layers import find_llm_layers
from .necks import FrozenLLMNeck, FrozenLLMVideoNeck, TokenPoolingNeck

__all__ = [
    'FrozenLLMBackbone', 'FrozenLLMNeck', 'FrozenLLMVideoNeck',
    'TokenPoolingNeck', 'find_llm_layers'
]
