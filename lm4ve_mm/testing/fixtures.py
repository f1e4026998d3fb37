"""Fixtures of the shared tests: ``pytest_plugins`` of a ``conftest.py``."""

import copy
import functools
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from .commands import WarmPython, run_here
from .runs import build_runner, layer_of, probe, run_config
from .speed import spared


@pytest.fixture(autouse=True)
def _no_scope_of_another_test():
    """MMEngine's current scope is global, and every runner sets it."""
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(autouse=True, scope='session')
def _spared():
    """Tiny runs begin sooner."""
    with spared():
        yield


@pytest.fixture(scope='session')
def read_config():
    """Reads a config, each file once; what it gives may be changed."""
    parse = functools.cache(Config.fromfile)
    return lambda path: copy.deepcopy(parse(path))


@pytest.fixture
def run_tool(capsys):
    """Runs a tool in this process: its exit status and what it printed."""

    def run(tool, *words):
        capsys.readouterr()
        status = run_here(tool, *words)
        return subprocess.CompletedProcess(
            [tool, *words], status, *capsys.readouterr())

    return run


@pytest.fixture(scope='session')
def warm_python():
    """Gives the Python that has imported some modules, and no others."""
    started = {}

    def get(*modules):
        if modules not in started:
            started[modules] = WarmPython(*modules)
        return started[modules]

    yield get
    for python in started.values():
        python.close()


@pytest.fixture(scope='session')
def generated(tmp_path_factory) -> Path:
    """Where data sets put what they generate."""
    return tmp_path_factory.mktemp('generated')


@pytest.fixture(scope='session')
def tiny_llama(tmp_path_factory) -> Path:
    """A one-layer LLaMA in Meta's format: width 64, 4 heads, fp16."""
    root = tmp_path_factory.mktemp('llama')
    dim, hidden, vocab = 64, 192, 32  # hidden: 2/3 of 4 dim, in 32s
    layer = {
        'attention.wq': (dim, dim),
        'attention.wk': (dim, dim),
        'attention.wv': (dim, dim),
        'attention.wo': (dim, dim),
        'feed_forward.w1': (hidden, dim),
        'feed_forward.w2': (dim, hidden),
        'feed_forward.w3': (hidden, dim),
    }
    generator = torch.Generator().manual_seed(0)

    def weight(*shape):
        return torch.randn(shape, generator=generator).mul(.05).half()

    state = {
        f'layers.0.{name}.weight': weight(*shape)
        for name, shape in layer.items()
    }
    for name in ('layers.0.attention_norm', 'layers.0.ffn_norm', 'norm'):
        state[f'{name}.weight'] = 1 + weight(dim)
    state['tok_embeddings.weight'] = weight(vocab, dim)
    state['output.weight'] = weight(vocab, dim)
    state['rope.freqs'] = weight(dim // 8)
    torch.save(state, root / 'consolidated.00.pth')
    params = dict(
        dim=dim,
        multiple_of=32,
        n_heads=4,
        n_layers=1,
        norm_eps=1e-6,
        vocab_size=vocab)
    (root / 'params.json').write_text(json.dumps(params))
    return root


@pytest.fixture(scope='session')
def llama(tmp_path_factory) -> Path:
    """A LLaMA of Hugging Face's form, one layer of width 64, in fp16."""
    from safetensors.torch import save_file
    root = tmp_path_factory.mktemp('llama')
    generator = torch.Generator().manual_seed(0)
    dim, hidden = 64, 96
    shapes = {f'self_attn.{n}_proj': (dim, dim) for n in 'qkvo'}
    shapes.update({'mlp.gate_proj': (hidden, dim),
                   'mlp.up_proj': (hidden, dim),
                   'mlp.down_proj': (dim, hidden)})
    state = {f'model.layers.0.{name}.weight':
             torch.randn(shape, generator=generator).mul(.05).half()
             for name, shape in shapes.items()}
    for name in ('input_layernorm', 'post_attention_layernorm'):
        state[f'model.layers.0.{name}.weight'] = torch.ones(dim).half()
    save_file(state, root / 'model.safetensors')
    (root / 'config.json').write_text(json.dumps(dict(
        model_type='llama', hidden_size=dim, intermediate_size=hidden,
        num_attention_heads=4, num_hidden_layers=1, hidden_act='silu',
        rms_norm_eps=1e-6)))
    return root


@pytest.fixture(scope='class')
def host(request):
    """The ``HOST`` of a test class."""
    return request.cls.HOST.completed(request)


@pytest.fixture(scope='class')
def trained(host, tmp_path_factory):
    """An epoch of training: what there was before, and what was saved."""
    folder = tmp_path_factory.mktemp('trained')
    kept = SimpleNamespace(
        cfg=run_config(host, folder), file=folder / 'epoch_1.pth')

    def note(runner):
        kept.parameters = _clones(runner.model.named_parameters())
        kept.frozen = _clones(layer_of(runner.model).frozen_tensors())

    kept.runner = build_runner(kept.cfg, probe('before_train', note))
    kept.model = kept.runner.train()
    kept.layer = layer_of(kept.model)
    yield kept
    DefaultScope._instance_dict.clear()


def _clones(tensors) -> dict:
    return {name: t.detach().clone() for name, t in dict(tensors).items()}
