"""A phase that changes beyond some length is never computed beyond it."""

import pytest
import torch
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from lm4ve_mm.llm import FrozenLLMLayer, read_blocks
from lm4ve_mm.llm.block.rotary import rotary_phase

from .family_cases import WIDTH, model_of
from .test_checkpoint import edit_config

DYNAMIC = dict(rope_type='dynamic', factor=2., rope_theta=1e4)
LONG = 2048


@pytest.fixture
def folder(tmp_path):
    model_of('llama').save_pretrained(tmp_path)
    edit_config(tmp_path, max_position_embeddings=LONG,
                rope_parameters=DYNAMIC)
    return str(tmp_path)


def test_dynamic_phase_is_transformers_up_to_its_length(folder):
    geometry = read_blocks(folder).geometry
    config = model_of('llama').config.__class__.from_pretrained(folder)
    theirs = [ROPE_INIT_FUNCTIONS['dynamic'](config, 'cpu', seq_len=n)[0]
              for n in (196, LONG, 2 * LONG)]
    plain = geometry.rope_theta**(
        -torch.arange(0, geometry.rope_dims, 2) / geometry.rope_dims)
    torch.testing.assert_close(theirs[0], plain)
    torch.testing.assert_close(theirs[1], plain)
    assert not torch.allclose(theirs[2], plain)
    cosine, _ = rotary_phase(LONG, geometry.rope_dims, geometry.rope_theta,
                             torch.ones(1))
    torch.testing.assert_close(cosine[-1, :plain.numel()],
                               (theirs[1] * (LONG - 1)).cos(),
                               rtol=0, atol=1e-3)


def test_more_tokens_are_refused(folder):
    layer = FrozenLLMLayer(WIDTH, folder, rope=True)
    assert layer(torch.ones(1, LONG, WIDTH)).isfinite().all()
    with pytest.raises(ValueError, match=f'{LONG + 1} tokens .* rope=False'):
        layer(torch.ones(1, LONG + 1, WIDTH))
    without = FrozenLLMLayer(WIDTH, folder)
    assert without(torch.ones(1, LONG + 1, WIDTH)).isfinite().all()


def test_the_limit_is_no_part_of_the_function(folder, tmp_path):
    layer = FrozenLLMLayer(WIDTH, folder, rope=True)
    edit_config(tmp_path, rope_parameters=dict(
        rope_type='default', rope_theta=1e4))
    plain = FrozenLLMLayer(WIDTH, folder, rope=True)
    plain.load_state_dict(layer.state_dict())
    assert plain.function == layer.function
    assert plain(torch.ones(1, LONG + 1, WIDTH)).isfinite().all()
