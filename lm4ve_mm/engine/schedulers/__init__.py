"""Learning-rate schedules that MMEngine does not have."""

from .step_warmup_cosine import StepWarmupCosineLR
from .warmup_cosine import WarmupCosineLR

__all__ = ['StepWarmupCosineLR', 'WarmupCosineLR']
