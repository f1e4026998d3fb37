"""What training a point cloud model needs beside lm4ve_mm."""

from .param_groups import ThreeRateOptimWrapperConstructor
from .vote_hook import VoteHook

__all__ = ['ThreeRateOptimWrapperConstructor', 'VoteHook']
