"""Several processes without a GPU."""

import functools
from collections.abc import Callable

import torch
from mmengine.device import get_device
from mmengine.dist import utils
from mmengine.model import MMDistributedDataParallel

STARTERS = ('_init_dist_pytorch', '_init_dist_mpi', '_init_dist_slurm')


def start_without_gpu() -> bool:
    """Let MMEngine's launchers start a gloo group where there is no GPU.

    They call ``torch.cuda.set_device`` and ask for nccl in any case.
    """
    if get_device() != 'cpu' or hasattr(utils._init_dist_mpi, '__wrapped__'):
        return False
    for name in STARTERS:
        setattr(utils, name, _on_gloo(getattr(utils, name)))
    return True


def _on_gloo(start: Callable) -> Callable:
    """Make a launcher of MMEngine leave the GPU alone."""

    @functools.wraps(start)
    def started(backend: str, *args, **kwargs) -> None:
        set_device = torch.cuda.set_device
        torch.cuda.set_device = lambda device: None
        try:
            start('gloo', *args, **kwargs)
        finally:
            torch.cuda.set_device = set_device

    return started


def wrap_without_gpu() -> bool:
    """Keep MMEngine from giving a GPU's number to a model on the CPU."""
    build = MMDistributedDataParallel.__init__
    if get_device() != 'cpu' or hasattr(build, '__wrapped__'):
        return False

    @functools.wraps(build)
    def built(self, module: torch.nn.Module, *args, **kwargs) -> None:
        kwargs['device_ids'] = None
        build(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = built
    return True
