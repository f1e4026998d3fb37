"""Where the file of a pretrained host lies, and what is in it."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.llm.weights.sources import HUB_SCHEME, HubModel
from lm4ve_mm.llm.weights.tensor_files import open_safetensors, open_torch

# In the folders of Hugging Face, timm's among them.
WEIGHTS = ('model.safetensors', 'pytorch_model.bin')
CONFIG = 'config.json'


def find_host(checkpoint: str | Path, obtain: str = '') -> Path:
    """The file of weights that a config names.

    Args:
        checkpoint: A file, a folder of Hugging Face, or ``hf://OWNER/MODEL``
            (``@REVISION``), which is downloaded into the hub's cache.
        obtain: Where to get it, for the message.

    Raises:
        CheckpointNotFoundError: If there is none.
        CheckpointError: If the name is not that of a model on the hub.
    """
    text = str(checkpoint)
    if text.startswith(HUB_SCHEME):
        return _fetched(text, WEIGHTS)
    path = Path(text)
    if path.is_dir():
        found = [path / name for name in WEIGHTS if (path / name).is_file()]
        if not found:
            held = sorted(entry.name for entry in path.iterdir())
            raise CheckpointNotFoundError(
                f'init_cfg: {path} has neither {" nor ".join(WEIGHTS)}; it '
                f'holds {", ".join(held[:8]) or "nothing"}. Name the file')
        return found[0]
    if not path.is_file():
        raise CheckpointNotFoundError(
            f'init_cfg: there is no file {path}. {obtain}. Give '
            'another place with --cfg-options '
            'model.backbone.init_cfg.checkpoint=PATH, or start from '
            'random initialisation with '
            'model.backbone.init_cfg.checkpoint=None')
    return path


def _fetched(text: str, files: tuple[str, ...]) -> Path:
    """The first of some files that a model on the hub has."""
    model = HubModel.parse(text)
    return model.fetch(files, 'model with whole weights')


def open_host(path: Path) -> Mapping:
    """What a file of weights holds, its tensors mapped.

    Args:
        path: What :func:`find_host` gave.

    Raises:
        CheckpointError: If it is damaged or of another kind.
    """
    if path.suffix != '.safetensors':
        return open_torch(path)
    opened = open_safetensors(path)
    return {name: opened.get_tensor(name) for name in opened.keys()}


def input_statistics(checkpoint: str | Path | None) -> dict[str, Any] | None:
    """Mean and deviation that a model of timm was trained with.

    Args:
        checkpoint: As for :func:`find_host`.

    Returns:
        dict, optional: ``mean`` and ``std`` in units of 0 to 255; None where
        no ``config.json`` of timm lies beside the weights.

    Raises:
        CheckpointError: If that file cannot be read.
    """
    path = _config_of(checkpoint)
    if path is None:
        return None
    try:
        config = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise CheckpointError(f'{path} is no JSON file: {error}') from error
    given = config.get('pretrained_cfg') or config
    if not {'mean', 'std'} <= given.keys():
        return None
    return {key: [round(255 * value, 3) for value in given[key]]
            for key in ('mean', 'std')}


def _config_of(checkpoint: str | Path | None) -> Path | None:
    """The configuration beside a host's weights, if there is one."""
    text = str(checkpoint or '')
    if text.startswith(HUB_SCHEME):
        try:
            return _fetched(text, (CONFIG, ))
        except CheckpointNotFoundError as error:
            logging.getLogger(__name__).warning('%s', error)
            return None
    path = Path(text)
    path = path / CONFIG if path.is_dir() else path.parent / CONFIG
    return path if text and path.is_file() else None
