"""Necks that put the layer between a backbone and its head."""

from .frozen_llm_neck import FrozenLLMNeck

__all__ = ['FrozenLLMNeck']
