"""Random streams that depend on (seed, epoch, rank) and nothing else."""

import random

import numpy as np
import torch

from lm4ve_mm.registry import FUNCTIONS


def seed_all(*entropy: int) -> None:
    """Seed python, numpy and torch (all devices) from a few integers.

    The integers are mixed by ``np.random.SeedSequence``, so that neighbours
    such as (0, 1) and (1, 0) give unrelated streams.

    Args:
        *entropy (int): Non-negative integers, for instance seed, epoch and
            rank.
    """
    words = np.random.SeedSequence(entropy).generate_state(4)
    random.seed(int(words[0]))
    np.random.seed(words[1])
    # torch.manual_seed covers every CUDA device too, lazily.
    torch.manual_seed(int(words[2]) << 32 | int(words[3]))


@FUNCTIONS.register_module()
def seed_worker(worker_id: int) -> None:
    """Seed a data loader's worker from the main process's generator.

    PyTorch draws one number from the main process each time a loader is
    iterated and gives worker ``i`` that number plus ``i`` as its initial
    seed. Seeding numpy and python from it makes the augmentations new in
    every epoch, and exactly repeatable where the main generator is (see
    :class:`~lm4ve_mm.engine.hooks.epoch_seed_hook.EpochSeedHook`).

    In a config: ``worker_init_fn=dict(type='lm4ve_mm.seed_worker')``.

    Args:
        worker_id (int): Index of the worker; already in the initial seed.
    """
    seed_all(torch.initial_seed())
