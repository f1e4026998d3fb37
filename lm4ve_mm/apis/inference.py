"""Models with trained weights, without a runner."""

from pathlib import Path

from mmengine.config import Config
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
