"""Metrics and a test loop that MMPretrain does not have."""

from .attack_loop import AttackTestLoop
from .robustness_metric import RobustnessMetric

__all__ = ['AttackTestLoop', 'RobustnessMetric']
