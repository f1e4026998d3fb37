"""Hooks, schedules and what else a training run needs."""

from . import (atomic_backend, hooks, optim_wrappers, schedulers,  # noqa: I001
               seeding)

__all__ = [
    'atomic_backend', 'hooks', 'optim_wrappers', 'schedulers', 'seeding'
]
