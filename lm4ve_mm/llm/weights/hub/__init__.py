"""Models on the Hugging Face hub, of which one layer is fetched.

``huggingface_hub`` is imported when a checkpoint ``hf://...`` is first used,
so that the block itself keeps to torch, safetensors and numpy.
"""

from pathlib import Path
from types import ModuleType
from typing import Sequence

from lm4ve_mm.utils.install import how_to_install

from ...errors import CheckpointError
from ..tensor_files import TensorSource
from .reference import HUB_SCHEME, HubModel, Select, looks_like_repo

__all__ = [
    'HUB_SCHEME', 'HubModel', 'looks_like_repo', 'open_on_hub',
    'resolve_on_hub'
]


def _cache(model: HubModel) -> ModuleType:
    """The module that needs the hub's library.

    Raises:
        CheckpointError: If the library is not installed.
    """
    try:
        from . import cache
    except ModuleNotFoundError as error:
        if error.name != 'huggingface_hub':
            raise
        raise CheckpointError(
            f'{model} lies on the Hugging Face hub, and huggingface_hub is '
            f'not installed: {how_to_install("hf")}; or download the model '
            'elsewhere and give its folder') from error
    return cache


def resolve_on_hub(model: HubModel) -> Path:
    """Fetch the configuration, see :func:`.cache.config_folder`."""
    return _cache(model).config_folder(model)


def open_on_hub(model: HubModel, folder: Path, layers: Sequence[int],
                select: Select) -> TensorSource:
    """The tensors of some layers, see :func:`.cache.open_layers`."""
    return _cache(model).open_layers(model, folder, layers, select)
