"""Metrics of motion forecasting, and files for their servers."""

from .forecast_metric import ForecastMetric
from .measures import constant_velocity, score_scene
from .submissions import Argoverse1Submission, Argoverse2Submission

__all__ = [
    'Argoverse1Submission', 'Argoverse2Submission', 'ForecastMetric',
    'constant_velocity', 'score_scene'
]
