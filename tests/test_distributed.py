"""Two processes on CPU, by every launcher that users have."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch

from lm4ve_mm.apis import load_config
from lm4ve_mm.testing import build_runner, train_in_two
from lm4ve_mm.testing.processes import free_port

ROOT = Path(__file__).parents[1]
CONFIG = 'vit_tiny_minilm_digits.py'
SMALL = ['--cfg-options', 'train_cfg.max_epochs=1',
         'train_dataloader.dataset.indices=128']
# Slurm's srun, as far as we use it: options, then a command for each task.
SRUN = """#!/usr/bin/env bash
while [[ $1 == -* ]]; do
    case $1 in --ntasks=*) tasks=${1#*=} ;; -p) shift ;; esac
    shift
done
export SLURM_NTASKS=$tasks SLURM_NODELIST=here
for ((task = 0; task < tasks; task++)); do
    SLURM_PROCID=$task SLURM_LOCALID=$task "$@" &
done
for ((task = 0; task < tasks; task++)); do wait -n || exit 1; done
"""

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='launches on CPU')


def run(*command, cwd=ROOT, **env):
    """Run a command, which must succeed, and return what it printed."""
    paths = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=paths, OMP_NUM_THREADS='1',
                 PYTHON=sys.executable, **env))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def two_processes(script, *args):
    return run(sys.executable, '-m', 'torch.distributed.run',
               '--nproc_per_node=2', f'--master_port={free_port()}', script,
               *args, '--launcher', 'pytorch')


def assert_distributed(log, work_dir):
    assert 'Distributed training: True' in log
    assert 'GPU number: 2' in log
    assert (work_dir / 'epoch_1.pth').is_file()


def one_step(work_dir):
    """Without chance, by SGD: AdamW's first step would blow up rounding."""
    cfg = load_config(ROOT / 'configs' / CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.log_level = 'ERROR'
    cfg.randomness = dict(seed=0)
    cfg.train_dataloader.dataset.update(
        indices=64, pipeline=cfg.test_pipeline)
    cfg.train_dataloader.sampler.shuffle = False
    cfg.train_dataloader.batch_size = 64
    cfg.train_cfg.max_epochs = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.model.backbone.drop_path_rate = 0.
    cfg.param_scheduler = None
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.1, weight_decay=0.05)
    return cfg


def test_two_processes_make_the_step_of_one(tmp_path):
    runner = build_runner(one_step(tmp_path / 'one'))
    runner.train()
    one = runner.model.state_dict()
    cfg = one_step(tmp_path)
    cfg.train_dataloader.batch_size = 32
    first, second = train_in_two(cfg, tmp_path)
    assert first['seen'] == second['seen'] == 32
    assert (tmp_path / 'epoch_1.pth').is_file()
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    described = saved['meta']['frozen_llm']['neck.layer']
    layer = runner.model.neck.layer
    assert described['identity'] == layer.identity.to_dict()
    assert saved['state_dict'].keys() == first['weights'].keys()
    assert not any('.blocks.' in name for name in saved['state_dict'])
    for name, value in first['weights'].items():
        assert torch.equal(value, second['weights'][name]), name
        # Both halves of the batch are summed in another order: float32.
        assert torch.allclose(value, one[name], atol=1e-6), name


@pytest.mark.slow
def test_shell_scripts(tmp_path):
    log = run('tools/dist_train.sh', f'configs/{CONFIG}', 2, '--work-dir',
              tmp_path, *SMALL, PORT=str(free_port()))
    assert_distributed(log, tmp_path)
    log = run('tools/dist_test.sh', f'configs/{CONFIG}',
              tmp_path / 'epoch_1.pth', 2, '--work-dir', tmp_path,
              PORT=str(free_port()))
    assert 'Epoch(test)' in log


@pytest.fixture
def srun(tmp_path):
    """Put a stand-in for srun on the path."""
    script = tmp_path / 'bin' / 'srun'
    script.parent.mkdir()
    script.write_text(SRUN)
    script.chmod(0o755)
    (script.parent / 'scontrol').write_text('#!/bin/sh\necho 127.0.0.1\n')
    (script.parent / 'scontrol').chmod(0o755)
    return dict(PATH=f'{script.parent}{os.pathsep}{os.environ["PATH"]}',
                MASTER_PORT=str(free_port()))


@pytest.mark.slow
def test_slurm_scripts(tmp_path, srun):
    log = run('tools/slurm_train.sh', 'part', 'job', f'configs/{CONFIG}',
              '--work-dir', tmp_path, *SMALL, GPUS='2', **srun)
    assert_distributed(log, tmp_path)
    log = run('tools/slurm_test.sh', 'part', 'job', f'configs/{CONFIG}',
              tmp_path / 'epoch_1.pth', '--work-dir', tmp_path, GPUS='2',
              **srun)
    assert 'Epoch(test)' in log


@pytest.mark.slow
def test_train_script_of_mmpretrain(tmp_path):
    """MMEngine's launcher is repaired by the plugin, with a CPU's backend."""
    import mmpretrain
    script = Path(mmpretrain.__file__).parent / '.mim' / 'tools' / 'train.py'
    log = two_processes(
        script, f'configs/{CONFIG}', '--work-dir', tmp_path, *SMALL)
    assert_distributed(log, tmp_path)


@pytest.fixture
def mim(tmp_path):
    """Run mim from an empty folder, on the installed package."""
    try:
        metadata.distribution('lm4ve_mm')
        metadata.distribution('openmim')
    except metadata.PackageNotFoundError as error:
        pytest.skip(f'{error.name} is not installed: make .venv')
    folder = tmp_path / 'elsewhere'
    folder.mkdir()

    def call(*args, **env):
        return run(sys.executable, '-m', 'mim', *args, cwd=folder, **env)

    return call


@pytest.mark.slow
def test_mim_on_one_process(tmp_path, mim):
    mim('train', 'lm4ve_mm', CONFIG, '--gpus', 0, '--work-dir', tmp_path,
        *SMALL)
    log = mim('test', 'lm4ve_mm', CONFIG, '--checkpoint',
              tmp_path / 'epoch_1.pth', '--gpus', 0, '--work-dir', tmp_path)
    assert 'Epoch(test)' in log
    assert re.search('lm4ve[-_]mm', mim('list'))
    assert "default_scope = 'mmpretrain'" in mim(
        'run', 'lm4ve_mm', 'print_config', ROOT / 'configs' / CONFIG)


@pytest.mark.slow
def test_mim_on_two_processes(tmp_path, mim, srun):
    log = mim('train', 'lm4ve_mm', CONFIG, '--launcher', 'pytorch', '--gpus',
              2, '--work-dir', tmp_path / 'torch', *SMALL)
    assert_distributed(log, tmp_path / 'torch')
    # Without --srun-args, openmim 0.3.9 fails with click >= 8.3.
    log = mim('train', 'lm4ve_mm', CONFIG, '--launcher', 'slurm', '--gpus', 2,
              '--gpus-per-node', 2, '--partition', 'part', '--srun-args',
              '--time=1', '--work-dir', tmp_path / 'slurm', *SMALL,
              PATH=srun['PATH'])
    assert_distributed(log, tmp_path / 'slurm')


@pytest.mark.slow
def test_mim_gridsearch(tmp_path, mim):
    mim('gridsearch', 'lm4ve_mm', CONFIG, '--gpus', 0, '--work-dir',
        tmp_path / 'grid', '--search-args',
        '--optim_wrapper.optimizer.lr 1e-3 2e-3', *SMALL)
    folders = [path.name for path in tmp_path.glob('grid_search_*')]
    assert len(folders) == 2
