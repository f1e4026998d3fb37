"""Learning-rate schedules that MMEngine does not have."""

from .warmup_cosine import WarmupCosineLR

__all__ = ['WarmupCosineLR']
