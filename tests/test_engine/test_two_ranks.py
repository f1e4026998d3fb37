"""What only two processes can show, on CPUs: a run that has to stop."""

import os
import socket
import subprocess
import sys

import pytest
import torch

# Modes: used, idle, nan, half, whole, resumed; see the tests. Each is trained
# by two processes, forked from one that has imported everything.
SCRIPT = '''
import os
import sys
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from lm4ve_mm import apis, plugin
from lm4ve_mm.registry import MODELS


@MODELS.register_module()
class Host(BaseModule):
    """Has a module that it never calls."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Conv2d(3, 8, 8)
        self.spare = torch.nn.Identity()

    def forward(self, x):
        return self.body(x),


class Poison(Hook):
    """Makes a loss NaN in one process that weights know nothing of."""

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        if runner.iter == 4 and runner.rank == 1:
            outputs['loss'] = torch.tensor(float('nan'))

    priority = 'HIGHEST'


class End(Hook):
    def after_train_epoch(self, runner):
        if runner.epoch == 0:
            runner.train_loop.stop_training = True


def train(rank, mode, folder):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    torch.set_num_threads(1)
    geometry = dict(width=16, num_heads=2, ffn_dim=32)
    digits = dict(type='lm4ve_mm.Digits', split='train', indices=48,
                  pipeline=[dict(type='mmpretrain.PackInputs')])
    accumulates = mode in ('half', 'whole', 'resumed')
    runner = apis.build_runner(Config(dict(
        launcher='pytorch', work_dir=folder, default_scope='mmpretrain',
        log_level='ERROR', experiment_name='two', randomness=dict(seed=0),
        model=dict(
            type='mmpretrain.ImageClassifier',
            data_preprocessor=dict(
                type='mmpretrain.ClsDataPreprocessor', num_classes=10,
                mean=[78.] * 3, std=[96.] * 3),
            backbone=dict(
                type='lm4ve_mm.FrozenLLMBackbone',
                backbone=dict(type='lm4ve_mm.Host'), in_channels=8,
                insert_after='spare' if mode == 'idle' else 'body',
                llm=dict(init='random', geometry=geometry)),
            neck=dict(type='mmpretrain.GlobalAveragePooling'),
            head=dict(type='mmpretrain.LinearClsHead', num_classes=10,
                      in_channels=8)),
        train_dataloader=dict(
            batch_size=8, num_workers=0, dataset=digits,
            sampler=dict(type='mmengine.DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(
            type='mmengine.OptimWrapper',
            accumulative_counts=4 if accumulates else 1,
            optimizer=dict(type='SGD', lr=.1)),
        default_hooks=dict(checkpoint=dict(
            type='lm4ve_mm.SafeCheckpointHook', interval=1, check_interval=2)),
        custom_hooks=[dict(type='lm4ve_mm.EpochSeedHook'),
                      dict(type='lm4ve_mm.FindCheckpointHook'),
                      dict(type='lm4ve_mm.FreezeLLMHook')],
        resume=mode == 'resumed')))
    if mode == 'nan':
        runner.register_hook(Poison())
    if mode == 'half':
        runner.register_hook(End())
    try:
        runner.train()
    except Exception as error:
        print(f'rank {rank}: {type(error).__name__}: {error}', flush=True)
        # Both get here by themselves, or one waits for ever.
        torch.distributed.barrier()
        raise SystemExit(3)


for run in sys.argv[1:]:
    torch.multiprocessing.start_processes(
        train, run.split('='), nprocs=2, start_method='fork')
'''

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(torch.cuda.is_available(), reason='launches on CPU')]


def run(**runs):
    """Train in two processes; exit status and what they said.

    Args:
        runs: Mode -> work folder.
    """
    script = next(iter(runs.values())).parent / 'two.py'
    script.write_text(SCRIPT)
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    done = subprocess.run(
        [sys.executable, str(script),
         *(f'{mode}={folder}' for mode, folder in runs.items())],
        capture_output=True, text=True, timeout=500,
        env=dict(os.environ, OMP_NUM_THREADS='1', MASTER_ADDR='127.0.0.1',
                 MASTER_PORT=str(port)))
    return done.returncode, done.stdout + done.stderr


def weights(folder, name):
    return torch.load(folder / name, weights_only=True)['state_dict']


def test_a_layer_that_nobody_runs_stops_both(tmp_path):
    status, said = run(idle=tmp_path / 'run')
    assert status != 0
    for rank in (0, 1):
        assert f'rank {rank}: RunError: backbone.layer.map_in' in said, said
    assert not list(tmp_path.glob('run/*.pth'))
    status, said = run(used=tmp_path / 'used')
    assert status == 0, said


def test_a_loss_that_is_nan_in_one_process_stops_both(tmp_path):
    status, said = run(nan=tmp_path / 'run')
    assert status != 0
    for rank in (0, 1):
        assert f'rank {rank}: NonFiniteError: the loss was NaN' in said, said
    assert said.count('first in iteration 5') == 2
    assert [path.name for path in tmp_path.glob('run/*.pth')] == [
        'epoch_1.pth']
    assert all(torch.isfinite(tensor).all() for tensor in
               weights(tmp_path / 'run', 'epoch_1.pth').values()
               if tensor.is_floating_point())


def test_an_accumulation_across_epochs_is_resumed(tmp_path):
    """Three steps an epoch, four to an update; equal but for rounding."""
    status, said = run(whole=tmp_path / 'whole', half=tmp_path / 'run',
                       resumed=tmp_path / 'run')
    assert status == 0, said
    first = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    assert first['pending_gradients']
    whole = weights(tmp_path / 'whole', 'epoch_2.pth')
    for name, value in weights(tmp_path / 'run', 'epoch_2.pth').items():
        assert torch.allclose(value, whole[name], rtol=0, atol=1e-7), name
    before = first['state_dict']['head.fc.weight']
    assert (before - whole['head.fc.weight']).abs().max() > 1e-4
