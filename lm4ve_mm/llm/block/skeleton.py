"""A layer of transformers without weights, on the meta device.

It stays out of every module tree: nothing there may find its maps, draw
them at random, move or save them.
"""

import inspect
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from lm4ve_mm.utils.install import how_to_install

from ..errors import CheckpointError

_NORM = re.compile(r'norm|ln_f')
# Arguments of a layer that we can give it.
_GIVEN = ('hidden_states', 'attention_mask', 'position_ids',
          'position_embeddings', 'use_cache')


@dataclass(frozen=True)
class Skeleton:
    """One layer of a model, and where it stands in it.

    Args:
        model: The whole model, on the meta device.
        layer: The layer.
        path: What stands before its number in the names of tensors.
        norm: Name of the norm after the last layer, if there is one.
        index: The layer's number.
    """

    model: Any
    layer: nn.Module
    path: str
    norm: str | None
    index: int

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """What the layer is called with."""
        return dict(inspect.signature(self.layer.forward).parameters)


def _transformers() -> Any:
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise CheckpointError(
            'a family without an entry in our table is computed by '
            f'transformers, which is not installed: {how_to_install("hf")}'
        ) from error
    return transformers


def is_known(model_type: object) -> bool:
    """Whether the installed transformers has that architecture."""
    try:
        from transformers import CONFIG_MAPPING, MODEL_MAPPING
    except ImportError:
        return False
    return (isinstance(model_type, str) and model_type in CONFIG_MAPPING
            and CONFIG_MAPPING[model_type] in MODEL_MAPPING)


@lru_cache(maxsize=8)
def skeleton_of(model_type: str, settings: str, index: int) -> Skeleton:
    """Build a model on the meta device and take one layer.

    Args:
        model_type: Of the language model.
        settings: Its configuration, as JSON.
        index: Which layer.

    Raises:
        CheckpointError: If it has no list of layers.
    """
    library = _transformers()
    config = library.CONFIG_MAPPING[model_type].from_dict(
        json.loads(settings))
    if getattr(config, 'is_encoder_decoder', False):
        raise CheckpointError(
            f'{model_type!r} is an encoder with a decoder, whose layers need '
            'each other: take a model of one stack')
    # With its other kinds of attention, no mask would mean a causal one.
    with torch.device('meta'):
        model = library.AutoModel.from_config(
            config, attn_implementation='eager').eval()
    count = getattr(config, 'num_hidden_layers', None)
    lists = [(name, module) for name, module in model.named_modules()
             if isinstance(module, nn.ModuleList) and len(module) == count]
    if not lists:
        raise CheckpointError(
            f'{model_type!r} has no list of layers of its own to take one '
            'from: it shares them, or builds them in another way')
    path, layers = lists[0]
    return Skeleton(model, layers[index], path, _norm_behind(model, path),
                    index)


def _norm_behind(model: nn.Module, path: str) -> str | None:
    """Name of the only norm that follows the list of layers."""
    outer, _, own = path.rpartition('.')
    siblings = [name for name, _ in model.get_submodule(
        outer).named_children()]
    behind = siblings[siblings.index(own) + 1:]
    found = [name for name in behind if _NORM.search(name)]
    if len(found) != 1:
        return None
    return f'{outer}.{found[0]}' if outer else found[0]


def neutral_arguments(skeleton: Skeleton, x: Tensor) -> dict[str, Any]:
    """Positions that change nothing, for (B, N, width).

    Raises:
        CheckpointError: If the layer needs what only other parts know.
    """
    wanted = skeleton.arguments
    missing = [
        name for name, parameter in wanted.items()
        if parameter.default is parameter.empty and name not in _GIVEN
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    if missing:
        raise CheckpointError(
            f'a layer of {type(skeleton.model).__name__} cannot be run on '
            f'its own: it needs {", ".join(missing)} from other parts of its '
            'model')
    values: dict[str, Any] = {}
    if 'use_cache' in wanted:
        values['use_cache'] = False
    if 'position_ids' in wanted:
        values['position_ids'] = torch.zeros(
            x.shape[:2], dtype=torch.long, device=x.device)
    if 'position_embeddings' in wanted:
        values['position_embeddings'] = _neutral_phase(skeleton, x)
    return values


def _neutral_phase(skeleton: Skeleton, x: Tensor) -> Any:
    """A rotary phase of angle zero, in the form that the model has."""
    cosine_width = _phase_form(skeleton)
    ones = x.new_ones(1, x.shape[1], cosine_width[1])
    if cosine_width[0] == 'complex':
        return torch.complex(ones.float(), torch.zeros_like(ones).float())
    return ones, torch.zeros_like(ones)


@lru_cache(maxsize=8)
def _phase_form(skeleton: Skeleton) -> tuple[str, int]:
    """``'pair'`` or ``'complex'``, and how many numbers a token has."""
    rotary = next((module for name, module in skeleton.model.named_modules()
                   if name.rpartition('.')[2] == 'rotary_emb'), None)
    kinds = getattr(skeleton.model.config, 'layer_types', None)
    x = torch.zeros(1, 2, 4, device='meta')
    positions = torch.zeros(1, 2, dtype=torch.long, device='meta')
    more: list[Any] = []
    if rotary is not None and 'layer_type' in inspect.signature(
            rotary.forward).parameters and kinds:
        more = [kinds[skeleton.index]]
    phase = rotary(x, positions, *more) if rotary is not None else None
    if isinstance(phase, Tensor) and phase.is_complex():
        return 'complex', phase.shape[-1]
    if isinstance(phase, tuple) and len(phase) == 2:
        return 'pair', phase[0].shape[-1]
    raise CheckpointError(
        f'{type(skeleton.model).__name__} has positions of a form that we '
        'cannot make neutral')
