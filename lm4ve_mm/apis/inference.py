"""Models with trained weights, without a runner."""

from pathlib import Path

import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from torch import nn

from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.models.starts import load_into
from lm4ve_mm.published.translate import tensors_of
from lm4ve_mm.registry import MODELS


def build_model(cfg: Config) -> nn.Module:
    """Build the model of a config, in eval mode."""
    init_default_scope(cfg.get('default_scope', 'lm4ve_mm'))
    # A runner does this for train.py: normalisation is part of the model.
    if cfg.get('data_preprocessor'):
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    return MODELS.build(cfg.model).eval()


def load_model(cfg: Config, checkpoint: str) -> nn.Module:
    """Build the model of a config with trained weights, on the CPU.

    Args:
        cfg: The config.
        checkpoint: A file of ours, or a published one that the model reads.

    Returns:
        nn.Module: The model, in eval mode.

    Raises:
        FileNotFoundError: If there is no such file.
        RuntimeError: If the file lacks a tensor or has one too many.
        CheckpointError: If it is damaged, or holds no tensors by name.
    """
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(f'there is no checkpoint {checkpoint}')
    model = build_model(cfg)
    held = open_torch(Path(checkpoint))
    load_into(model, tensors_of(held, checkpoint), True, str(checkpoint))
    return model


def read_image(cfg: Config, image: str | Path | np.ndarray) -> dict:
    """Take an image through the test pipeline of a config.

    Args:
        cfg: The config of an image model.
        image: A file, or pixels (H, W, 3) uint8 RGB.

    Returns:
        dict: What the pipeline packs, for :func:`pseudo_collate`.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    init_default_scope(cfg.get('default_scope', 'lm4ve_mm'))
    given = cfg.test_dataloader.dataset
    while 'pipeline' not in given:
        given = given.get('dataset') or given.datasets[0]
    steps = [dict(step) for step in given.pipeline]
    has_loader = 'Load' in steps[0]['type']
    if not isinstance(image, np.ndarray):
        if not Path(image).is_file():
            raise FileNotFoundError(f'there is no image {image}')
        if has_loader:
            return Compose(steps)(dict(img_path=str(image), sample_idx=0))
        image = mmcv.imread(image, channel_order='rgb')
    # As the steps of the model's own data have it: MMCV loads BGR.
    preprocessor = cfg.get('data_preprocessor') or cfg.model.get(
        'data_preprocessor') or {}
    if has_loader or preprocessor.get('to_rgb'):
        image = image[..., ::-1]
    return Compose(steps[has_loader:])(dict(
        img=np.ascontiguousarray(image), img_shape=image.shape[:2],
        ori_shape=image.shape[:2], sample_idx=0))
