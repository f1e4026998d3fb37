"""Products with frozen weights are those of ``F.linear``."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from lm4ve_mm.llm import FrozenLLMLayer
from lm4ve_mm.llm.block import cpu_linear
from lm4ve_mm.llm.block.cpu_linear import frozen_linear, suits

# oneDNN is part of the builds of torch that are tested.
assert cpu_linear._AVAILABLE


def operands(*shape, rows=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, 40, generator=generator)
    weight = torch.randn(rows, 40, generator=generator)
    bias = torch.randn(rows, generator=generator)
    return x, weight, bias


@pytest.mark.parametrize('shape', [(1, ), (8, ), (2, 9), (2, 3, 5)], ids=str)
@pytest.mark.parametrize('with_bias', [True, False])
def test_values_and_gradients(shape, with_bias):
    """To fp32's rounding of a sum of 40 products, and so again and again."""
    x, weight, bias = operands(*shape)
    assert suits(x, weight)
    found = []
    for linear in (frozen_linear, F.linear):
        own = x.clone().requires_grad_()
        out = linear(own, weight, bias if with_bias else None)
        grad, = torch.autograd.grad(out.pow(3).sum(), own, create_graph=True)
        second, = torch.autograd.grad(grad.pow(2).sum(), own)
        found.append((out, grad, second))
    for mine, its in zip(*found, strict=True):
        assert_close(mine, its, rtol=1e-5, atol=1e-5 * its.abs().max().item())


def test_a_transposed_operand():
    x, weight, _ = operands(9)
    x = torch.randn(40, 9).t()
    assert_close(frozen_linear(x, weight), F.linear(x, weight))


@pytest.mark.parametrize('change', [
    lambda x, w: (x.double(), w.double()), lambda x, w: (x[:0], w),
    lambda x, w: (x, w.requires_grad_()),
    lambda x, w: (x.bfloat16(), w.bfloat16())])
def test_otherwise_it_is_f_linear(change):
    x, weight = change(*operands(3)[:2])
    assert not suits(x, weight)
    assert torch.equal(frozen_linear(x, weight), F.linear(x, weight))


def test_autocast_chooses_the_type():
    x, weight, _ = operands(3)
    with torch.autocast('cpu', torch.bfloat16):
        assert frozen_linear(x, weight).dtype == torch.bfloat16


def test_a_trained_weight_has_its_gradient():
    layer = FrozenLLMLayer(24, init='random', trainable=True, geometry=dict(
        width=32, num_heads=4, ffn_dim=48))
    layer(torch.randn(1, 3, 24)).sum().backward()
    assert layer.blocks[0].ffn.up.weight.grad.any()


def test_it_is_what_a_frozen_layer_runs(monkeypatch):
    calls = []
    product = cpu_linear._product

    def counted(x, weight):
        calls.append(tuple(weight.shape))
        return product(x, weight)

    monkeypatch.setattr(cpu_linear, '_product', counted)
    layer = FrozenLLMLayer(24, init='random', shortcut='fold', geometry=dict(
        width=32, num_heads=4, ffn_dim=48))
    layer(torch.randn(1, 3, 24)).sum().backward()
    # Forward and back: three foldings, output map, three of feed-forward.
    assert len(calls) == 14
    assert calls.count((48, 32)) == calls.count((32, 48)) == 3


def test_operations_are_counted():
    x, weight, bias = operands(2, 9)
    counts = []
    for linear in (frozen_linear, F.linear):
        own = x.clone().requires_grad_()
        with FlopCounterMode(display=False) as counter:
            linear(own, weight, bias).sum().backward()
        counts.append(counter.get_total_flops())
    assert counts == [2 * 2 * 18 * 40 * 48] * 2


class Frozen(nn.Module):
    """Holds a weight, as the graphs below need it."""

    def __init__(self):
        super().__init__()
        self.register_buffer('weight', operands(1)[1])

    def forward(self, x):
        return frozen_linear(x, self.weight)


def compiled(model, x):
    """The graph that a compiler is given."""
    torch._dynamo.reset()
    graphs = []

    def backend(module, _):
        graphs.append(str(module.graph))
        return module.forward

    torch.compile(model, backend=backend, fullgraph=True)(x)
    return graphs


@pytest.mark.parametrize('record', [
    compiled,
    lambda model, x: torch.export.export(model, (x, )).graph,
    lambda model, x: torch.jit.trace(model, x).graph])
def test_graphs_for_others_have_none_of_it(record):
    """They may run where torch was built without it, or choose themselves."""
    recorded = str(record(Frozen(), operands(3)[0]))
    assert 'linear' in recorded and 'mkldnn' not in recorded
