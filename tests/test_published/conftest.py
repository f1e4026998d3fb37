"""VideoMAE's converter, configs and clips for files of its form."""

import pytest
import torch

from lm4ve_mm.published.videomae import translate

from .videomae_models import CONFIG, ROOT, WITH_LLAMA, build, saved
from .videomae_upstream import FRAMES, LLM_HEADS, SIZE, finetuned

TOOL = ROOT / 'tools' / 'model_converters' / 'videomae.py'


@pytest.fixture(scope='module')
def clips():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 3, FRAMES, SIZE, SIZE, generator=generator,
                       dtype=torch.float64)


@pytest.fixture()
def call(run_tool):
    """Runs the converter: its exit status, what it printed, its errors."""

    def run(*words):
        done = run_tool(TOOL, *words)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope='module')
def configs(tmp_path_factory):
    folder = tmp_path_factory.mktemp('configs')
    (folder / 'plain.py').write_text(CONFIG)
    (folder / 'llama.py').write_text(WITH_LLAMA)
    return folder


@pytest.fixture()
def llama_twin(call, configs, tmp_path):
    """The paper's file taken apart: the block, the weights, the model."""
    file = saved(tmp_path, finetuned(True))
    block = tmp_path / 'l15.safetensors'
    code, out, err = call(file, '--block', block, '--num-heads', LLM_HEADS)
    assert code == 0 and 'layer 15' in out, err

    def make(**llm):
        options = {'model.neck.llm.checkpoint': str(block),
                   **{f'model.neck.llm.{k}': v for k, v in llm.items()}}
        model = build(configs / 'llama.py', **options)
        found = translate(torch.load(file, weights_only=False), model)
        model.load_state_dict(found.weights)
        return model.double()

    make.file, make.block = file, block
    return make
