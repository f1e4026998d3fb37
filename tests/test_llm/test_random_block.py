"""The random control of every kind of norm."""

import pytest
import torch

from lm4ve_mm.llm import BlockGeometry
from lm4ve_mm.llm.block.transformer_block import TransformerBlock
from lm4ve_mm.llm.weights.random_block import random_blocks


@pytest.mark.parametrize('options', [
    dict(), dict(norm_offset=1.0), dict(norm='layer')], ids=str)
def test_norms_start_neutral(options):
    """RMS one and, for LayerNorm, mean zero, however weights are stored."""
    geometry = BlockGeometry(width=32, num_heads=4, ffn_dim=64, **options)
    tensors = random_blocks(geometry, 1, seed=0).tensors[0]
    normed = TransformerBlock(geometry, tensors).attn_norm(
        torch.randn(5, 32, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(
        normed.pow(2).mean(-1), torch.ones(5), rtol=1e-4, atol=0)
