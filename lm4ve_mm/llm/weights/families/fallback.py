"""Families without an entry: whatever the installed transformers builds."""

import json
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from ...block.foreign_geometry import ForeignGeometry
from ...block.skeleton import Skeleton, skeleton_of
from ...errors import CheckpointError
from .base import Config, Family

NAME = 'transformers'
# Keys that do not affect the function of a layer.
_IDLE = ('architectures', 'transformers_version', 'dtype', 'torch_dtype',
         'use_cache', 'auto_map', 'attn_implementation',
         # Refused before anything is read.
         'quantization_config')
_LOG = logging.getLogger(__name__)


def fallback_family(config: Config) -> tuple[Family, dict[str, Any]]:
    """A family for one configuration, and what is read of it.

    Args:
        config: Of the language model alone; its ``model_type`` is one of
            transformers.

    Raises:
        CheckpointError: If transformers cannot build it, or it has no list
            of layers.
    """
    told = {key: value for key, value in config.items()
            if key not in _IDLE and not key.startswith('_')}
    settings = json.dumps(told, sort_keys=True)
    kind = config['model_type']
    first = _built(kind, settings, 0)
    base = getattr(first.model, 'base_model_prefix', '')
    prefixes = (f'{base}.{first.path}.{{i}}.', f'{first.path}.{{i}}.')
    norms = () if first.norm is None else (f'{base}.{first.norm}', first.norm)

    def refine(geometry: Any, config: Config, layer: int) -> Any:
        return _geometry(kind, settings, layer)

    _say(kind)
    family = Family(
        name=NAME, config_file='config.json', model_types=(),
        num_layers_key='num_hidden_layers', geometry=_nothing,
        prefixes=prefixes, modules={}, final_norm=norms, refine=refine)
    count = first.model.config.num_hidden_layers
    return family, {**told, 'num_hidden_layers': count}


@cache
def _say(kind: str) -> None:
    """Once for each kind."""
    _LOG.warning(
        'model_type=%r has no entry in our table: its block is computed by '
        "transformers' own layer, without shortcuts", kind)


def _nothing(config: Config) -> Any:
    """Everything depends on the layer."""


def _built(kind: str, settings: str, layer: int) -> Skeleton:
    try:
        return skeleton_of(kind, settings, layer)
    except CheckpointError:
        raise
    except (ArithmeticError, AttributeError, ImportError, KeyError,
            NotImplementedError, RuntimeError, TypeError,
            ValueError) as error:
        raise CheckpointError(
            f'model_type={kind!r} has no entry in our table, and the '
            f'installed transformers cannot build it: {error}') from error


def _geometry(kind: str, settings: str, layer: int) -> ForeignGeometry:
    skeleton = _built(kind, settings, layer)
    held = skeleton.layer.state_dict()
    constants = sorted({name for name, _ in skeleton.layer.named_buffers()}
                       - set(held))
    if constants:
        raise CheckpointError(
            f'a layer of {kind!r} computes constants of its own '
            f'({", ".join(constants)}), which are not in the file')
    width = skeleton.model.config.hidden_size
    shapes = tuple((name, tuple(tensor.shape))
                   for name, tensor in held.items())
    norm = {} if skeleton.norm is None else _describe_norm(
        skeleton.model.get_submodule(skeleton.norm), width, kind)
    return ForeignGeometry(kind, settings, layer, width, shapes, **norm)


def _describe_norm(module: nn.Module, width: int, kind: str) -> dict:
    """Which of our norms the model's is, by trying it.

    Raises:
        CheckpointError: If it is none of them.
    """
    parts = tuple(module.state_dict())
    eps = float(getattr(module, 'variance_epsilon',
                        getattr(module, 'eps', 1e-5)))
    x = torch.linspace(-1, 2, width).square()[None]

    def run(weight: float) -> torch.Tensor:
        given = {name: torch.full((width, ), weight * (name == 'weight'))
                 for name in parts}
        return functional_call(module, given, (x, ))

    formulas: dict[str, Callable[[], torch.Tensor]] = dict(
        rms=lambda: x * torch.rsqrt(x.square().mean(-1, True) + eps),
        layer=lambda: torch.nn.functional.layer_norm(x, (width, ), eps=eps))
    for name, formula in formulas.items():
        for offset in (0.0, 1.0) if name == 'rms' else (0.0, ):
            if torch.allclose(run(1.0 - offset), formula(), atol=1e-5):
                return dict(norm=name, norm_eps=eps, norm_offset=offset,
                            norm_parts=parts)
    raise CheckpointError(
        f'the final norm of {kind!r}, {type(module).__name__}, is none that '
        'we compute')
