"""Hooks, schedules and what else a training run needs."""

from . import (atomic_backend, hooks, optim_wrappers,  # noqa: I001
               sample_results, schedulers, seeding)

__all__ = [
    'atomic_backend', 'hooks', 'optim_wrappers', 'sample_results',
    'schedulers', 'seeding'
]
