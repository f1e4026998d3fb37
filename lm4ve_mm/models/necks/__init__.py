"""Necks that put the layer between a backbone and its head."""

from .frozen_llm_neck import FrozenLLMNeck
from .token_insert_neck import TokenInsertNeck
from .token_pooling import TokenPoolingNeck
from .video_neck import FrozenLLMVideoNeck

__all__ = [
    'FrozenLLMNeck', 'FrozenLLMVideoNeck', 'TokenInsertNeck',
    'TokenPoolingNeck'
]
