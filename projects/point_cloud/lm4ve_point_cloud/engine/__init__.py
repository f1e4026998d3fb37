"""What training a point cloud model needs beside lm4ve_mm."""

from .param_groups import ThreeRateOptimWrapperConstructor

__all__ = ['ThreeRateOptimWrapperConstructor']
