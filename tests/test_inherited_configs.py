"""Video leaves, inherited by name as the README offers."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope, init_default_scope

import lm4ve_mm.video  # noqa: F401  (registers the transforms)

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = [path for pattern in ('*.py', 'variants/*.py')
          for path in sorted(CONFIGS.glob(pattern))
          if path.stem.startswith('videomae')]
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_video_leaves_are_the_same_when_inherited(
        path, tmp_path, read_config, monkeypatch):
    """MMEngine writes a scope into dicts of external bases.

    The leaves themselves are trained by tests of their own.
    """
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = ['lm4ve_mm::{path.relative_to(CONFIGS)}']")
    cfg = Config.fromfile(child)
    assert cfg.to_dict() == read_config(path).to_dict()
    monkeypatch.setattr(DefaultScope, '_instance_dict',
                        type(DefaultScope._instance_dict)())
    init_default_scope(cfg.default_scope)
    for loader in LOADERS:
        Compose(cfg[loader].dataset.pipeline)
