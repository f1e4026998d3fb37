"""The README's example of a family is all that it takes to add one."""

import re
from pathlib import Path

import pytest
import torch

from lm4ve_mm.llm.weights import families
from lm4ve_mm.llm.weights.families import gpt_families

from . import family_cases
from .family_cases import NUM_TOKENS, WIDTH, Case
from .test_parity import TOLERANCE, build

README = Path(__file__).parents[2] / 'README.md'


@pytest.fixture()
def starcoder2(monkeypatch):
    text = README.read_text(encoding='utf-8')
    code = re.search(r'```python\n(def starcoder2_geometry.*?)```', text,
                     re.DOTALL)[1]
    names = dict(vars(gpt_families))  # as if it stood in that file
    exec(code, names)
    monkeypatch.setattr(families, 'FAMILIES',
                        (*families.FAMILIES, names['STARCODER2']))
    case = Case('starcoder2', 'Starcoder2Model',
                dict(num_key_value_heads=2, hidden_act='gelu_pytorch_tanh'))
    monkeypatch.setitem(family_cases.CASES, 'starcoder2', case)
    return case, family_cases.model_of('starcoder2')


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
