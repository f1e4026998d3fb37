"""Parameters and multiply-accumulates of host, maps and frozen block."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lm4ve_mm.models import find_llm_layers

PARTS = ('host', 'maps', 'frozen block')
_MAPS = ('map_in', 'map_out', 'norm_in', 'norm_out')


@dataclass
class Cost:
    """What one part of a model holds and does.

    Args:
        parameters: Its weights, frozen or trained.
        trainable: Those of them that are trained.
        macs: Multiply-accumulates of one forward pass: matrix products,
            convolutions and attention; half of the floating-point
            operations that torch counts.
    """

    parameters: int = 0
    trainable: int = 0
    macs: int = 0


def _part_of(name: str, layers: dict[str, nn.Module]) -> str:
    """Which part the module or tensor called ``name`` belongs to."""
    for layer in layers:
        inside = name == layer or not layer or name.startswith(f'{layer}.')
        if inside:
            child = name[len(layer):].lstrip('.').split('.')[0]
            return 'maps' if child in _MAPS else 'frozen block'
    return 'host'


class _Root(nn.Module):
    """Calls ``run`` with ``model`` below it.

    The counter names modules from the first one called; a detector or a
    classifier is rarely called as a whole.
    """

    def __init__(self, model: nn.Module, run: Callable[[], object]) -> None:
        super().__init__()
        self.model = model
        self.run = run

    def forward(self) -> None:
        self.run()


def count_cost(model: nn.Module, run: Callable[[], object]) -> dict[str, Cost]:
    """Count a model's cost, part by part.

    Args:
        model: The model.
        run: Runs it forward once, for example ``lambda: model(image)``; in
            eval mode, what is computed once and kept is not counted.

    Returns:
        dict: ``host``, ``maps``, ``frozen block`` -> :class:`Cost`. Norms
        around the maps count as ``maps``. A block that is trained, and LoRA
        updates in it, count as ``frozen block`` too, with the trainable
        parameters shown.
    """
    layers = find_llm_layers(model)
    costs = {part: Cost() for part in PARTS}
    for name, parameter in model.named_parameters():
        cost = costs[_part_of(name, layers)]
        cost.parameters += parameter.numel()
        cost.trainable += parameter.numel() * parameter.requires_grad
    for layer, module in layers.items():
        for name, tensor in module.frozen_tensors().items():
            path = f'{layer}.{name}' if layer else name
            costs[_part_of(path, layers)].parameters += tensor.numel()
    with torch.no_grad():
        run()  # products of weights that are kept in eval mode
        with FlopCounterMode(display=False) as counter:
            _Root(model, run)()
    counts = {
        name: sum(flops.values()) // 2
        for name, flops in counter.get_flop_counts().items()
    }
    root = f'{_Root.__name__}.model'
    total = counts['Global']
    for layer in layers:
        path = f'{root}.{layer}' if layer else root
        maps = sum(counts.get(f'{path}.{name}', 0) for name in _MAPS)
        costs['maps'].macs += maps
        costs['frozen block'].macs += counts.get(path, 0) - maps
    costs['host'].macs = (
        total - costs['maps'].macs - costs['frozen block'].macs)
    return costs
