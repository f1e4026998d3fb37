"""The neck for models that handle their tokens themselves."""

import torch

from lm4ve_mm.models import TokenInsertNeck
from lm4ve_mm.registry import MODELS

C = 12
LLM = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))


def test_mask_and_kept_tokens():
    torch.manual_seed(0)
    neck = MODELS.build(dict(
        type='lm4ve_mm.TokenInsertNeck', in_channels=C, llm=LLM))
    assert isinstance(neck, TokenInsertNeck)
    tokens = torch.randn(2, 5, C)
    valid = torch.arange(5) < torch.tensor([[5], [3]])
    out = neck(tokens, valid)
    assert torch.equal(out, neck.layer(tokens, ~valid))
    for keep in (slice(0, 1), torch.tensor([0, 2])):
        torch.testing.assert_close(
            neck(tokens, valid, keep), out[:, keep], rtol=1e-5, atol=1e-6)
    noisy = torch.where(valid[..., None], tokens, 9.)
    torch.testing.assert_close(
        neck(noisy, valid)[valid], out[valid], rtol=1e-5, atol=1e-6)
    # Without a mask every token is looked at.
    torch.testing.assert_close(
        neck(tokens), neck(tokens, torch.ones_like(valid)), rtol=1e-5,
        atol=1e-6)
    assert not torch.allclose(neck(tokens)[1], out[1], atol=1e-4)


def test_another_layer_in_the_blocks_place():
    neck = TokenInsertNeck(C, dict(
        type='lm4ve_mm.MLPLayer', hidden_dims=16, map_init='default'))
    assert neck(torch.randn(2, 3, C), keep=slice(0, 1)).shape == (2, 1, C)
