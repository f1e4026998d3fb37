"""Reads image models in timm's names: DeiT's, timm's, and the paper's.

The files of arXiv 2310.12973 are those of a ViT of timm 0.4 with LLaMA's
block inside, ``llama.layers.0.*``, between ``llama_dim_mapper1`` and
``llama_dim_mapper2``. Training scripts put the tensors under ``model``.
"""

from collections.abc import Mapping

from torch import nn

from .host_names import fit
from .translate import (
    Names,
    Translated,
    has_patches,
    other_block,
    require_all,
    shapes_of,
    timm_renames,
    unwrapped,
)

# timm's name -> MMPretrain's. A neck with a final norm receives it from there,
# see host_names.
RENAMES = (
    *timm_renames('layers', 'ffn'),
    (r'blocks\.(\d+)\.norm([12])\.(.+)', r'backbone.layers.\1.ln\2.\3'),
    (r'blocks\.(\d+)\.(ls1\.gamma|gamma_1)',
     r'backbone.layers.\1.attn.gamma1.weight'),
    (r'blocks\.(\d+)\.(ls2\.gamma|gamma_2)',
     r'backbone.layers.\1.ffn.gamma2.weight'),
    (r'norm_pre\.(.+)', r'backbone.pre_norm.\1'),
    (r'norm\.(.+)', r'backbone.ln1.\1'),
    (r'fc_norm\.(.+)', r'backbone.ln2.\1'),
    (r'head\.(.+)', r'head.layers.head.\1'),
    (r'head\.(.+)', r'head.fc.\1'),
    (r'head_dist\.(.+)', r'head.layers.head_dist.\1'),
)


def is_deit(state: Mapping) -> bool:
    """Whether these are weights of an image ViT under timm's names."""
    return has_patches(unwrapped(state), 4)


DEIT = Names(
    is_deit, RENAMES, lambda held: 'timm', other_block('deit'),
    # Heads, a class token where the host has none, and LLaMA's part.
    spare=r'(head|head_dist|pre_logits|llama\w*)\..+|cls_token')


def translate(state: Mapping, model: nn.Module) -> Translated:
    """Bring a published file into a classifier's names, strictly.

    Args:
        state: The content of the file, or its tensors.
        model: A classifier with a ViT of MMPretrain's.

    Returns:
        Translated: The weights, and what does not match.

    Raises:
        CheckpointError: If anything is missing or left over, or a shape
            differs; all are named.
        BlockMismatchError: If the file was trained around another block.
    """
    found = fit(state, model, formats=(DEIT, )).found
    require_all(found, shapes_of(model), '', '')
    return found
