"""Makes an epoch's randomness independent of how the run got there."""

import logging

from mmengine.dataset import worker_init_fn
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import DataLoader

from lm4ve_mm.engine.seeding import seed_all
from lm4ve_mm.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed python, numpy and torch by (seed, epoch, rank) before each epoch.

    A run resumed from an epoch's checkpoint then draws the same drop path,
    mixup and augmentations as one that was never interrupted. Checkpoints
    hold no generator states, so without this hook it draws others.

    Workers need ``worker_init_fn=dict(type='lm4ve_mm.seed_worker')`` and
    ``persistent_workers=False``: MMEngine's own ``worker_init_fn`` seeds
    with a constant, so each epoch's fresh workers repeat the augmentations
    of the last, and persistent workers carry a state nobody saves.

    Iteration-based training is left alone, and the log says so.
    """

    def before_train(self, runner) -> None:
        """Check the data loader once, after a resume has been done.

        Args:
            runner (Runner): The runner of the training.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            self._warn('EpochSeedHook does nothing in iteration-based '
                       'training: a resumed run draws other random numbers.')
            return
        if isinstance(runner.train_dataloader, DataLoader):
            self._check_workers(runner.train_dataloader)
            self._restore_sampler_seed(runner)

    def before_train_epoch(self, runner) -> None:
        """Seed everything for the epoch that begins.

        Args:
            runner (Runner): The runner of the training.
        """
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            seed_all(runner.seed, runner.epoch, get_rank())

    def _check_workers(self, loader) -> None:
        """Warn of workers whose randomness this hook cannot reach."""
        if not loader.num_workers:
            return
        init = getattr(loader.worker_init_fn, 'func', None)
        if loader.persistent_workers:
            self._warn('EpochSeedHook cannot seed persistent workers: a '
                       'resumed run draws other augmentations. Set '
                       'train_dataloader.persistent_workers=False.')
        elif init is worker_init_fn:
            self._warn('mmengine seeds the workers alike in every epoch, so '
                       'augmentations repeat. Set train_dataloader.'
                       "worker_init_fn=dict(type='lm4ve_mm.seed_worker').")

    @staticmethod
    def _restore_sampler_seed(runner) -> None:
        """Give the sampler the seed of the checkpoint.

        With ``randomness.seed=None`` MMEngine draws a seed, builds the
        sampler on it, and only then reads the checkpoint's seed.
        """
        loader = runner.train_dataloader
        sampler = getattr(loader.batch_sampler, 'sampler', loader.sampler)
        # With diff_rank_seed the sampler has a seed of its own.
        if (runner._resume and hasattr(sampler, 'seed')
                and not runner._randomness_cfg.get('diff_rank_seed')):
            sampler.seed = runner.seed

    @staticmethod
    def _warn(message: str) -> None:
        print_log(message, logger='current', level=logging.WARNING)
