"""Backbones with the layer inside, and hosts that start as the paper's."""

from .deit import DeiTVisionTransformer
from .frozen_llm_backbone import FrozenLLMBackbone

__all__ = ['DeiTVisionTransformer', 'FrozenLLMBackbone']
