"""Processes of a test, and what holds of two that train one host."""

import functools
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import distributed as dist

from lm4ve_mm import apis

from .runs import layer_of, run_config
from .speed import spared


@functools.cache
def server() -> multiprocessing.context.BaseContext:
    """Starts processes that have imported torch and the plugin.

    They are forked from a process that has done so once and runs no threads.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['lm4ve_mm.plugin', __name__])
    return context


def train_file(config: str) -> None:
    """Train what a config file says, on one thread."""
    torch.set_num_threads(1)
    with spared():
        cfg = Config.fromfile(config)
        cfg.launcher = 'none'
        apis.build_runner(cfg).train()


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@contextmanager
def _as_rank(rank: int, port: int) -> Iterator[None]:
    """One of two processes, as torchrun starts them, on one thread."""
    torch.set_num_threads(1)
    # What torchrun tells each process.
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2',
                      MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    try:
        with spared():
            yield
    finally:
        # The other one must not wait for a process that has failed.
        if dist.is_initialized():
            dist.destroy_process_group()


def _train_rank(config: str, folder: str, rank: int, port: int) -> None:
    """Train as one of two processes; the weights go into a file."""
    with _as_rank(rank, port):
        cfg = Config.fromfile(config)
        cfg.launcher = 'pytorch'
        runner = apis.build_runner(cfg)
        runner.train()
        torch.save(
            dict(weights=dict(runner.model.module.state_dict()),
                 seen=runner.train_dataloader.sampler.num_samples),
            f'{folder}/rank{rank}.pt')


def _test_rank(config: str, folder: str, rank: int, port: int) -> None:
    """Test as one of two processes; the metrics go into a file."""
    with _as_rank(rank, port):
        cfg = Config.fromfile(config)
        cfg.launcher = 'pytorch'
        runner = apis.build_runner(cfg)
        torch.save(dict(runner.test()), f'{folder}/rank{rank}.pt')


def _in_two(job: Callable, cfg: Config, folder: Path) -> list[dict]:
    """What two processes with the same config have left in files."""
    cfg.dump(folder / 'two.py')
    port = free_port()
    with ProcessPoolExecutor(2, mp_context=server()) as pool:
        ranks = [pool.submit(job, str(folder / 'two.py'), str(folder),
                             rank, port) for rank in (0, 1)]
        for rank in wait(ranks, return_when=FIRST_EXCEPTION).done:
            rank.result()
    return [torch.load(folder / f'rank{rank}.pt', weights_only=True)
            for rank in (0, 1)]


def metrics_of_two(cfg: Config, folder: Path) -> list[dict]:
    """Test in two processes, launched as torchrun launches them.

    Args:
        cfg: With ``load_from`` and a work folder.
        folder: Where config and outcomes go.

    Returns:
        list[dict]: The metrics that each process has.
    """
    return _in_two(_test_rank, cfg, folder)


def train_in_two(cfg: Config, folder: Path) -> list[dict]:
    """Train in two processes, launched as torchrun launches them.

    Args:
        cfg: Config of the run; its batch is that of one process.
        folder: Where the processes find each other and put their weights.

    Returns:
        list[dict]: Of each process, its ``weights`` in the end and how many
        samples it has ``seen``.
    """
    return _in_two(_train_rank, cfg, folder)


@pytest.mark.skipif(torch.cuda.is_available(), reason='runs on CPUs')
class TwoProcesses:
    """Two processes train one model: subclass it with a ``HOST``."""

    def test_two_processes_agree(self, host, tmp_path):
        """Each sees half of the data, and all weights end bit for bit equal.

        Statistics of BatchNorm are each process's own; torch's synchronised
        kind needs a GPU.
        """
        cfg = run_config(host, tmp_path)
        layer = layer_of(MODELS.build(cfg.model))
        cfg.train_dataloader.batch_size = host.batch_size // 2
        first, second = train_in_two(cfg, tmp_path)
        assert first['seen'] == second['seen'] == 3 * host.batch_size // 2
        assert first['weights'].keys() == second['weights'].keys()
        for name, value in first['weights'].items():
            if 'running_' not in name:
                assert torch.equal(value, second['weights'][name]), name
        saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
        described = saved['meta']['frozen_llm'][host.layer]
        assert described['identity'] == layer.identity.to_dict()
        weights = saved['state_dict']
        assert weights.keys() == first['weights'].keys()
        assert not any(f'{host.layer}.blocks' in name
                       and '.lora.' not in name for name in weights)
