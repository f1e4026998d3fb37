"""Two processes train one model, in every host."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
SCRIPT = """
import torch
from lm4ve_mm import apis

cfg, _ = apis.parse_or_exit(apis.training_parser(), apis.configure_training)
runner = apis.build_runner(cfg)
runner.train()
torch.save(dict(weights=dict(runner.model.module.state_dict()),
                seen=runner.train_dataloader.sampler.num_samples),
           f'{cfg.work_dir}/rank{runner.rank}.pt')
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason='launches on CPU')
def test_two_processes_agree(twice, tools, tmp_path):
    """Each sees half of the data, and all weights end bit for bit equal.

    Statistics of BatchNorm are each process's own; torch's synchronised
    kind needs a GPU.
    """
    cfg = tools.config(twice, tmp_path)
    layer = tools.layer_of(tools.build(cfg).model)
    cfg.train_dataloader.batch_size = 8
    cfg.dump(tmp_path / 'cfg.py')
    script = tmp_path / 'two.py'
    script.write_text(SCRIPT)
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
         f'--master_port={port}', script, tmp_path / 'cfg.py', '--launcher',
         'pytorch', '--work-dir', tmp_path],
        cwd=ROOT, capture_output=True, text=True, env=tools.environment())
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (torch.load(tmp_path / f'rank{rank}.pt',
                                weights_only=True) for rank in (0, 1))
    assert first['seen'] == second['seen'] == 24
    assert first['weights'].keys() == second['weights'].keys()
    for name, value in first['weights'].items():
        if 'running_' not in name:
            assert torch.equal(value, second['weights'][name]), name
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    described = saved['meta']['frozen_llm'][twice.layer]
    assert described['identity'] == layer.identity.to_dict()
    weights = saved['state_dict']
    assert weights.keys() == first['weights'].keys()
    assert not any(f'{twice.layer}.blocks' in name and '.lora.' not in name
                   for name in weights)
