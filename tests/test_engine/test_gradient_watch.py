"""A layer that nobody runs ends the training after its first iteration."""

import pytest
import torch
from torch import nn

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.engine.gradient_watch import GradientWatch
from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer

GEOMETRY = dict(width=16, num_heads=2, ffn_dim=32)
LAYERS = {
    'frozen': lambda: FrozenLLMLayer(8, init='random', geometry=GEOMETRY),
    # Its map in has a gradient of zero, which is one.
    'zero': lambda: FrozenLLMLayer(8, init='random', geometry=GEOMETRY,
                                   map_init='zero_output'),
    'lora': lambda: FrozenLLMLayer(
        8, init='random', geometry=GEOMETRY,
        lora=dict(rank=2, targets=['map_in', 'map_out'])),
    'mlp': lambda: MLPLayer(8, 16),
    'recomputed': lambda: FrozenLLMLayer(8, init='random', geometry=GEOMETRY,
                                         with_cp=True),
}


class Host(nn.Module):
    """Runs its layer, drops what it gives, or does not run it."""

    def __init__(self, layer, way):
        super().__init__()
        self.before = nn.Linear(8, 8)
        self.layer = layer
        self.way = way

    def forward(self, x):
        x = self.before(x)
        out = self.layer(x) if self.way != 'skipped' else None
        return out if self.way == 'used' else x


@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize('way', ['used', 'dropped', 'skipped'])
def test_layer(name, way):
    torch.manual_seed(0)
    model = Host(LAYERS[name](), way)
    watch = GradientWatch(model)
    model(torch.rand(2, 3, 8)).sum().backward()
    if way == 'used':
        watch.finish()
    else:
        with pytest.raises(RunError, match='layer.map_in, layer.map_out had'):
            watch.finish()
    assert not any(p._backward_hooks for p in model.parameters())


def test_maps_that_are_frozen_are_not_watched():
    model = Host(LAYERS['frozen'](), 'skipped')
    model.layer.requires_grad_(False)
    watch = GradientWatch(model)
    model(torch.rand(2, 3, 8)).sum().backward()
    watch.finish()
