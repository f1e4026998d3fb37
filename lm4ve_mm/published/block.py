"""The block inside the checkpoints that the paper's authors published.

Their files hold the whole model: ``llama.layers.0.*`` is the one block, in
Meta's names and float32, ``llama.norm.weight`` the final norm that was never
loaded, all ones (arXiv 2310.12973, code).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lm4ve_mm.llm import BlockGeometry, Blocks, CheckpointError
from lm4ve_mm.llm.weights.families import LLAMA_META
from lm4ve_mm.llm.weights.layer_reader import read_layer
from lm4ve_mm.llm.weights.tensor_files import HeldTensors

PREFIX = 'llama.'
# Constants of upstream's code, which its files do not contain.
NUM_HEADS = 32
NORM_EPS = 1e-6
BLOCK_INDEX = 31
NUM_LAYERS = 32


def published_block(state: Mapping[str, Tensor],
                   num_heads: int = NUM_HEADS,
                   layer: int = BLOCK_INDEX) -> Blocks:
    """Take the block out of a published model's weights.

    Args:
        state: The model's weights; names that do not start with ``llama.``
            are left alone.
        num_heads: Heads of the block, which its tensors do not tell.
        layer: Its index in the language model, which they do not tell
            either. Upstream's point and image models have 31, its video
            models 15.

    Returns:
        Blocks: The block, as :func:`lm4ve_mm.llm.read_blocks` would give it
        out of LLaMA's own files.

    Raises:
        CheckpointError: If there is no block, more than one, or something
            that is no part of it; if the final norm is not all ones.
    """
    held = {
        name[len(PREFIX):]: tensor
        for name, tensor in state.items() if name.startswith(PREFIX)
    }
    norm = held.pop('norm.weight', None)
    foreign = sorted(name for name in held if not name.startswith('layers.0.'))
    if foreign or 'layers.0.attention.wq.weight' not in held or norm is None:
        raise CheckpointError(
            'a published model has one block, llama.layers.0.*, and '
            'llama.norm.weight; here there are '
            f'{", ".join(foreign[:3] or sorted(held)[:3]) or "none of them"}')
    if not torch.equal(norm, torch.ones_like(norm)):
        raise CheckpointError(
            'llama.norm.weight is all ones in the published models; here it '
            "is not, and dropping it would change the function: extract the "
            "block and set final_norm='loaded'")
    width = len(norm)
    geometry = BlockGeometry(
        width=width,
        num_heads=num_heads,
        ffn_dim=len(held['layers.0.feed_forward.w1.weight'])
        if 'layers.0.feed_forward.w1.weight' in held else width,
        norm_eps=NORM_EPS,
        rope_theta=10000.0)
    tensors = read_layer(HeldTensors(held), LLAMA_META, 0, geometry)
    return Blocks('llama', 'published', (layer, ), NUM_LAYERS, geometry,
                  [tensors], None)
