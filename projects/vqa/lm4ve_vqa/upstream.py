"""Reads the checkpoints of METER.

``zdou0830/METER`` publishes files of PyTorch Lightning, with the tensors
under ``state_dict``: pretrained ones, and ones fine-tuned on VQAv2, Flickr30k
and other data, around CLIP or Swin. Parts that our models do not have are
named here: left-overs of CLIP's text tower, RoBERTa's pooler, which METER
does not call, and the heads of other tasks.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from lm4ve_mm.published.translate import (
    LAYER,
    Translated,
    match,
    require_all,
    shapes_of,
    unwrapped,
)

_CLIP, _SWIN = r'vit_model\.visual\.', r'vit_model\.'
_RES = rf'{_CLIP}transformer\.resblocks\.(\d+)\.'
_BLOCK = rf'{_SWIN}layers\.(\d+)\.blocks\.(\d+)\.'
_OURS = 'image_encoder.model.'
_CLIP_LAYER = rf'{_OURS}encoder.layers.\1.'
_SWIN_LAYER = rf'{_OURS}encoder.layers.\1.blocks.\2.'
# Swin's names in transformers: from 5.23 on, and before.
_SWIN_PARTS = (
    (r'norm1\.(.+)', 'layernorm_before'),
    (r'norm2\.(.+)', 'layernorm_after'),
    (r'attn\.qkv\.q\.(.+)', 'attention.q_proj'),
    (r'attn\.qkv\.q\.(.+)', 'attention.self.query'),
    (r'attn\.qkv\.k\.(.+)', 'attention.k_proj'),
    (r'attn\.qkv\.k\.(.+)', 'attention.self.key'),
    (r'attn\.qkv\.v\.(.+)', 'attention.v_proj'),
    (r'attn\.qkv\.v\.(.+)', 'attention.self.value'),
    (r'attn\.proj\.(.+)', 'attention.o_proj'),
    (r'attn\.proj\.(.+)', 'attention.output.dense'),
    (r'attn\.(relative_position_bias_table)',
     'attention.relative_position_bias'),
    (r'attn\.(relative_position_bias_table)', 'attention.self'),
    (r'mlp\.fc1\.(.+)', 'mlp.fc1'),
    (r'mlp\.fc1\.(.+)', 'intermediate.dense'),
    (r'mlp\.fc2\.(.+)', 'mlp.fc2'),
    (r'mlp\.fc2\.(.+)', 'output.dense'),
)
# METER's name -> ours.
RENAMES = (
    (rf'{_CLIP}class_embedding', f'{_OURS}embeddings.class_embedding'),
    (rf'{_CLIP}conv1\.weight', f'{_OURS}embeddings.patch_embedding.weight'),
    (rf'{_CLIP}positional_embedding',
     f'{_OURS}embeddings.position_embedding.weight'),
    # The library's spelling.
    (rf'{_CLIP}ln_pre\.(.+)', rf'{_OURS}pre_layrnorm.\1'),
    (rf'{_CLIP}ln_post\.(.+)', rf'{_OURS}post_layernorm.\1'),
    (rf'{_RES}attn\.in_proj\.([qkv])\.(.+)',
     rf'{_CLIP_LAYER}self_attn.\2_proj.\3'),
    (rf'{_RES}attn\.out_proj\.(.+)', rf'{_CLIP_LAYER}self_attn.out_proj.\2'),
    (rf'{_RES}ln_([12])\.(.+)', rf'{_CLIP_LAYER}layer_norm\2.\3'),
    (rf'{_RES}mlp\.c_fc\.(.+)', rf'{_CLIP_LAYER}mlp.fc1.\2'),
    (rf'{_RES}mlp\.c_proj\.(.+)', rf'{_CLIP_LAYER}mlp.fc2.\2'),
    (rf'{_SWIN}patch_embed\.proj\.(.+)',
     rf'{_OURS}embeddings.patch_embeddings.projection.\1'),
    (rf'{_SWIN}patch_embed\.norm\.(.+)', rf'{_OURS}embeddings.norm.\1'),
    (rf'{_SWIN}norm\.(.+)', rf'{_OURS}layernorm.\1'),
    (rf'{_SWIN}layers\.(\d+)\.downsample\.(.+)',
     rf'{_OURS}encoder.layers.\1.downsample.\2'),
    *((rf'{_BLOCK}{theirs}', rf'{_SWIN_LAYER}{ours}.\3')
      for theirs, ours in _SWIN_PARTS),
    (r'text_transformer\.(.+)', r'text_encoder.model.\1'),
    (r'(cross_modal_.+|token_type_embeddings\..+)', r'fusion.\1'),
    (r'((?:vqa_classifier|itm_score|rank_output)\..+)', r'head.\1'),
)
# Three matrices in one: as CLIP and as Swin name it.
_JOINED = re.compile(r'(.*\.attn\.)(in_proj_|qkv\.)(weight|bias)')
_HEADS = ('vqa_classifier', 'itm_score', 'rank_output', 'mlm_score',
          'nlvr2_classifier', 'snli_classifier')
_MARKS = ('cross_modal_text_transform.', 'vit_model.')
UNUSED = (
    rf'(?:{"|".join(_HEADS)})\..+'
    r'|vit_model\.(?:positional_embedding|ln_final\..+)'
    r'|vit_model\..+\.(?:attn_mask|relative_position_index)'
    r'|text_transformer\.(?:pooler\..+|embeddings\.position_ids)')
# What fine-tuning starts anew, by the head of the file.
_STARTS_ANEW = rf'head\..+|{LAYER}.+'
_RANK, _MATCH = 'head.rank_output.', 'head.itm_score.fc.'
_KINDS = (('vqa_classifier.', 'fine-tuned for questions'),
          ('rank_output.', 'fine-tuned for retrieval'),
          ('mlm_score.', 'pretrained'))
OTHER_BLOCK = 'Point model.neck.llm.checkpoint at the same language model'


def is_upstream(state: Mapping) -> bool:
    """Whether these are weights under METER's names."""
    return any(str(name).startswith(_MARKS) for name in unwrapped(state))


def kind_of(held: Mapping[str, Tensor]) -> str:
    """What a file is called in messages."""
    return next((kind for mark, kind in _KINDS
                 if any(name.startswith(mark) for name in held)),
                'fine-tuned for another task')


def split(held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give query, key and value a tensor and a name of their own."""
    found = {}
    for name, tensor in held.items():
        joined = _JOINED.fullmatch(name)
        if joined is None:
            found[name] = tensor
            continue
        at, kind, part = joined.groups()
        for letter, third in zip('qkv', tensor.chunk(3), strict=True):
            found[f'{at}{kind.rstrip("._")}.{letter}.{part}'] = third
    return found


def translate(state: Mapping, model: nn.Module) -> Translated:
    """Bring a file of METER into a model's names, and compare strictly.

    Tables of positions are brought to the model's image size. A pretrained
    file has no head for questions and no rank; the rank starts as METER's
    does, as the row "together" of the matching.

    Args:
        state: The content of the file, or its tensors.
        model: A :class:`lm4ve_vqa.models.METER`; an inserted layer is left
            as it was built, since no published file has one.

    Returns:
        Translated: The weights, and what does not match.

    Raises:
        CheckpointError: If anything else is missing or left over, or a shape
            differs; all are named.
    """
    held = unwrapped(state)
    own = shapes_of(model)
    found = match(split(held), own, RENAMES, kind_of(held), None, OTHER_BLOCK)
    weights = found.weights
    for part in ('weight', 'bias'):
        if f'{_RANK}{part}' in found.missing and f'{_MATCH}{part}' in weights:
            weights[f'{_RANK}{part}'] = weights[f'{_MATCH}{part}'][1:].clone()
            found.missing.remove(f'{_RANK}{part}')
    model.image_encoder.fit_positions(weights, 'image_encoder.')
    whole = any(name.startswith('head.') for name in weights)
    require_all(
        found, own, rf'{LAYER}.+' if whole else _STARTS_ANEW, UNUSED,
        "Published files are of METER's own sizes: CLIP-ViT-B/16 or "
        'Swin-B, 768 wide, 3129 answers')
    return found
