"""The page's example of a family is all that it takes to add one."""

import re
from pathlib import Path

import pytest
import torch

from lm4ve_mm.llm import FAMILIES, Family, register_family
from lm4ve_mm.llm.weights.families import LLAMA

from . import family_cases
from .family_cases import NUM_TOKENS, WIDTH, Case
from .test_parity import TOLERANCE, build

PAGE = Path(__file__).parents[2] / 'docs/adding_a_family.md'


@pytest.fixture()
def starcoder2(monkeypatch):
    text = PAGE.read_text(encoding='utf-8')
    code, = (block for block in re.findall(r'```python\n(.*?)```', text,
                                           re.DOTALL)
             if 'register_family(' in block)
    before = list(FAMILIES)
    exec(code, {})
    case = Case('starcoder2', 'Starcoder2Model',
                dict(num_key_value_heads=2, hidden_act='gelu_pytorch_tanh'))
    monkeypatch.setitem(family_cases.CASES, 'starcoder2', case)
    yield case, family_cases.model_of('starcoder2')
    FAMILIES[:] = before


@pytest.mark.parametrize('native', [False, True])
def test_it_equals_the_layer_of_transformers(starcoder2, native, tmp_path):
    case, model = starcoder2
    layer = build(model, tmp_path, layers=(-1, ), final_norm='none',
                  rope=native, causal=native)
    tokens = torch.randn(2, NUM_TOKENS, WIDTH,
                         generator=torch.Generator().manual_seed(1))
    found = family_cases.errors(
        layer,
        lambda x: family_cases.reference(case, model, x, -1, native=native),
        tokens)
    assert max(found) < TOLERANCE


@pytest.mark.parametrize('changes, message', [
    (dict(name='llama', model_types=('mine', )), "'llama' is known already"),
    (dict(name='mine'), "model_type 'llama' is known already.*Known: bert"),
    (dict(name='mine', model_types=('llava', )), "model_type 'llava'"),
    (dict(name='mine', model_types=()), 'needs at least one model_types'),
], ids=str)
def test_what_cannot_be_registered(changes, message):
    before = list(FAMILIES)
    with pytest.raises(ValueError, match=message):
        register_family(Family(**{**vars(LLAMA), **changes}))
    assert FAMILIES == before
