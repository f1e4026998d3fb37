"""The torch-only layers, registered, and how a model is asked for them."""

from mmengine.model import is_model_wrapper
from torch import nn

from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer, NoLayer
from lm4ve_mm.registry import MODELS

# Where a checkpoint's metadata says which blocks it was trained with.
META_KEY = 'frozen_llm'

MODELS.register_module(module=FrozenLLMLayer)
MODELS.register_module(module=MLPLayer)
MODELS.register_module(module=NoLayer)


def build_layer(llm: dict, embed_dims: int) -> nn.Module:
    """Build the layer that a config's ``llm`` describes.

    Args:
        llm: Keywords of :class:`FrozenLLMLayer`, or of the class that
            ``type`` names.
        embed_dims: Width of the host's tokens.
    """
    cfg = dict(type='lm4ve_mm.FrozenLLMLayer')
    cfg.update(llm)
    return MODELS.build({**cfg, 'embed_dims': embed_dims})


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside a distributed wrapper, or the model itself."""
    return model.module if is_model_wrapper(model) else model


def find_llm_layers(model: nn.Module) -> dict[str, FrozenLLMLayer]:
    """Every frozen language-model layer in a model, by its name there."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, FrozenLLMLayer)
    }
