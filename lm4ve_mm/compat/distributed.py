"""Several processes without a GPU."""

import logging
import os
import subprocess
from multiprocessing import parent_process

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from torch import distributed as dist

# What torch reads, and where each launcher writes it.
LAUNCHER_VARIABLES = dict(
    pytorch=dict(),
    slurm=dict(
        RANK='SLURM_PROCID',
        LOCAL_RANK='SLURM_LOCALID',
        WORLD_SIZE='SLURM_NTASKS'),
    mpi=dict(
        RANK='OMPI_COMM_WORLD_RANK',
        LOCAL_RANK='OMPI_COMM_WORLD_LOCAL_RANK',
        WORLD_SIZE='OMPI_COMM_WORLD_SIZE'))


def _group_needed() -> bool:
    """Tell whether MMEngine would try to start a group on absent GPUs."""
    return (dist.is_available() and not dist.is_initialized()
            and not torch.cuda.is_available())


def init_cpu_group() -> None:
    """Start the gloo group that other people's ``train.py`` cannot start.

    Seen broken: mmengine 0.10.7, 0.11.0rc3 and onedl-mmengine 0.10.12, whose
    ``--launcher pytorch`` calls ``torch.cuda.set_device`` unconditionally and
    dies on a machine without a GPU. Removable when MMEngine chooses the
    backend by device.

    Acts only in a process that torchrun itself started: the workers of a
    data loader inherit its environment but are no members of the group.
    """
    started_by_torchrun = ('TORCHELASTIC_RUN_ID' in os.environ
                           and 'RANK' in os.environ
                           and parent_process() is None)
    if started_by_torchrun and _group_needed():
        dist.init_process_group('gloo')


def prepare_distributed(cfg: Config, launcher: str) -> None:
    """Make a config run in several processes on CPU; no-op with a GPU.

    Starts the gloo group, since MMEngine skips its own start when one is
    running, and keeps it from handing a GPU number to a model on the CPU.
    For the versions see :func:`init_cpu_group`. A ``sync_bn`` of the config
    is left out, and the log says so: torch has it for GPUs only.

    Args:
        cfg (Config): The config, changed in place, before the runner is
            built from it.
        launcher (str): ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: If the launcher is none of these.
        RuntimeError: If the launcher's variables are not set.
    """
    if launcher == 'none' or torch.cuda.is_available():
        return
    if launcher not in LAUNCHER_VARIABLES:
        raise ValueError(
            f'there is no launcher {launcher!r}; there are none, '
            f'{", ".join(LAUNCHER_VARIABLES)}')
    if _group_needed():
        _export_variables(launcher)
        dist.init_process_group('gloo')
    if cfg.get('sync_bn') is not None:
        print_log(
            f'sync_bn={cfg.sync_bn!r} needs GPUs; on CPUs every process keeps '
            'batch statistics of its own',
            logger='current',
            level=logging.WARNING)
        cfg.sync_bn = None
    wrapper = cfg.get('model_wrapper_cfg') or dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))
    wrapper.setdefault('device_ids', None)
    cfg.model_wrapper_cfg = wrapper


def _export_variables(launcher: str) -> None:
    """Set the variables torch reads from those of the launcher."""
    sources = LAUNCHER_VARIABLES[launcher]
    missing = [name for name in sources.values() if name not in os.environ]
    if launcher == 'pytorch' and 'RANK' not in os.environ:
        missing = ['RANK']
    if missing:
        raise RuntimeError(
            f'--launcher {launcher} needs {", ".join(missing)} in the '
            'environment: start the processes with torchrun '
            '(tools/dist_train.sh), srun (tools/slurm_train.sh) or mpirun, or '
            'leave --launcher out for a single process')
    for name, source in sources.items():
        os.environ[name] = os.environ[source]
    if sources:
        os.environ.setdefault('MASTER_ADDR', _first_host())
        os.environ.setdefault('MASTER_PORT', '29500')


def _first_host() -> str:
    """Name the host of rank 0: Slurm's first node, or this machine."""
    nodes = os.environ.get('SLURM_NODELIST')
    if nodes is None or os.environ.get('SLURM_NNODES', '1') == '1':
        return '127.0.0.1'
    hosts = subprocess.run(['scontrol', 'show', 'hostnames', nodes],
                           check=True, capture_output=True, text=True)
    return hosts.stdout.split()[0]
