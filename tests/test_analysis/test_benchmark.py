"""The benchmark compares with the right thing and says so."""

import functools
import json
import re
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from lm4ve_mm.analysis.benchmark import cases
from lm4ve_mm.analysis.benchmark.plain_block import PlainFormLayer
from lm4ve_mm.analysis.benchmark.timing import interleave, per_round, ratios
from lm4ve_mm.llm import FrozenLLMLayer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmark(run_tool, monkeypatch):
    """The tool, with a block that is small enough for a test."""
    monkeypatch.setattr(
        cases, 'LLAMA_7B', dict(width=64, num_heads=4, ffn_dim=96))
    tool = ROOT / 'tools/analysis_tools/benchmark.py'
    return functools.partial(run_tool, tool)


@pytest.mark.parametrize('way', ['off', 'fold', 'absorb'])
def test_plain_form_is_the_same_function(way):
    """Written apart from the layer: outputs and gradients in fp64."""
    layer = FrozenLLMLayer(
        24, init='random', shortcut=way,
        geometry=dict(width=64, num_heads=4, ffn_dim=96)).double()
    with torch.no_grad():
        for tensor in layer.blocks[0].tensors().values():
            tensor.add_(0.2 * torch.randn_like(tensor))
    plain = PlainFormLayer(layer).double()
    tokens = torch.randn(2, 9, 24, dtype=torch.double)
    found = []
    for module in (layer, plain):
        layer.zero_grad()
        own = tokens.clone().requires_grad_()
        out = module(own)
        out.square().sum().backward()
        found.append([out, own.grad, layer.map_in.weight.grad,
                      layer.map_out.weight.grad])
    # The plain form's softmax and norms are fp32, ours follow the input.
    for mine, its in zip(*found, strict=True):
        assert_close(mine, its, rtol=1e-5, atol=1e-5 * its.abs().max().item())


def test_interleaving_and_ratios():
    calls = []
    times = interleave({'a': lambda: calls.append('a'),
                        'b': lambda: calls.append('b')}, rounds=2)
    assert calls == ['a', 'b'] * 3  # one round of warming up
    assert [len(own) for own in times.values()] == [2, 2]
    found = ratios({'a': [1., 2., 4.], 'b': [3., 2., 2.]}, 'a')
    assert found['b'] == (1., 0.5, 3.) and found['a'] == (1., 1., 1.)


def test_some_steps_are_measured_more_often():
    calls = []
    steps = {name: lambda name=name: calls.append(name) for name in 'abc'}
    times = interleave(steps, rounds=2, warm_up=0, often='ab', times_often=3)
    assert calls == list('abcabab' * 2)
    assert [len(own) for own in times.values()] == [6, 6, 2]
    # To one measured as often, pair by pair; else the medians of the rounds.
    found = ratios({'a': [1., 2., 3., 4., 4., 8.], 'c': [4., 2.]}, 'a')
    assert found['c'] == (1.25, 0.5, 2.)
    assert ratios({'a': [1., 2.], 'b': [3., 4.]}, 'a')['b'] == (2.5, 2., 3.)
    with pytest.raises(ValueError, match='5 measurements in 2 rounds'):
        per_round([1.] * 5, 2)


@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(),
                    reason='peak memory is read from /proc of Linux')
@pytest.mark.slow
def test_peak_memory_sees_what_is_freed_again(warm_python):
    """In a fresh process: an old one may hold that much freed memory."""
    code = (
        'import torch\n'
        'from lm4ve_mm.analysis.benchmark.timing import peak_memory\n'
        'nothing = lambda: None\n'
        'print(peak_memory(nothing),\n'
        '      peak_memory(lambda: torch.ones(64 << 20).sum()),\n'
        '      peak_memory(nothing))')
    done = warm_python('torch').run(code, paths=[ROOT])
    base, peak, after = map(int, done.stdout.split())
    size = 256 << 20
    assert size * 0.95 < peak - base < size * 1.5
    assert after < base + size / 2


@pytest.mark.slow
def test_the_tool_prints_ratios_and_draws(benchmark, tmp_path):
    done = benchmark('--cases', 'points', '--runs', 1, '--batch', 1, '--out',
                     tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r'points_65_32 +(?:training|inference)',
                          done.stdout)) == 10
    rows = json.loads((tmp_path / 'benchmark.json').read_text())['rows']
    variants = ['host alone', 'auto', 'off', 'fold', 'plain form']
    assert [row['variant'] for row in rows] == variants * 2
    assert all(row['seconds'] > 0 and row['gmacs'] > 0 for row in rows)
    assert (tmp_path / 'benchmark.png').stat().st_size > 10_000


def test_an_unknown_case_lists_those_there_are(benchmark):
    done = benchmark('--cases', 'nothing')
    assert done.returncode == 1 and 'video_1568_2' in done.stderr
