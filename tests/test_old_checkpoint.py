"""A checkpoint of version 0.1 loads, resumes and names the same block.

``tests/fixtures/version_0_1_epoch_1.pth`` was written by that version after
the first of two epochs of the config below, on one thread of an x86-64 CPU;
``version_0_1_epoch_2_weights.pth`` holds the weights after the second.
"""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from lm4ve_mm.apis import load_model

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / 'tests/fixtures'
EPOCH_1 = FIXTURES / 'version_0_1_epoch_1.pth'
EPOCH_2 = FIXTURES / 'version_0_1_epoch_2_weights.pth'


@pytest.fixture
def cfg(tmp_path):
    """The demo, with a host of width 16 and three steps an epoch."""
    cfg = Config.fromfile(ROOT / 'configs/vit_tiny_minilm_digits.py')
    cfg.model.backbone.arch = dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
    cfg.model.neck.in_channels = cfg.model.head.in_channels = 16
    cfg.train_dataloader.batch_size = 16
    cfg.train_dataloader.dataset.indices = 48
    cfg.train_cfg.max_epochs = cfg.param_scheduler.max_epochs = 2
    cfg.param_scheduler.warmup_epochs = 1
    cfg.work_dir = str(tmp_path)
    return cfg


def test_it_loads_with_the_same_digest(cfg):
    model = load_model(cfg, str(EPOCH_1))
    held = torch.load(EPOCH_1, weights_only=True)
    wanted = held['meta']['frozen_llm']['neck.layer']['identity']
    assert model.neck.layer.identity.to_dict() == wanted
    assert model.neck.layer.digest() == wanted['sha256']
    found = model.state_dict()
    # Which function the layer computes, version 0.1 did not save.
    assert found.keys() == {*held['state_dict'], 'neck.layer.layer_function'}
    for name, tensor in held['state_dict'].items():
        assert torch.equal(found[name], tensor), name


def test_it_resumes_to_the_same_weights(cfg):
    cfg.resume, cfg.load_from = True, str(EPOCH_1)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.epoch == 2
    wanted = torch.load(EPOCH_2, weights_only=True)
    found = runner.model.state_dict()
    # Another number of threads or another CPU rounds differently.
    for name, tensor in wanted.items():
        torch.testing.assert_close(
            found[name], tensor, atol=2e-5, rtol=1e-4, msg=name)
