"""Reads the checkpoints of Point-BERT and of the paper.

Two kinds are published. The pretraining file ``Point-BERT.pth`` holds the
whole pretraining model, of which ``transformer_q.*`` is the backbone. The
fine-tuned files hold the classifier; those of arXiv 2310.12973 with LLaMA's
block inside. Both keep their tensors under ``base_model``, with or without
the ``module.`` of a DataParallel wrapper.
"""


from collections.abc import Mapping

from torch import Tensor, nn

from lm4ve_mm.published.translate import (
    LAYER,
    Translated,
    match,
    our_names,
    require_all,
    shapes_of,
)

# Upstream's name -> ours. The first that matches whole is taken.
RENAMES = (
    (r'(cls_token|cls_pos)', r'backbone.\1'),
    (r'(encoder|reduce_dim|pos_embed)\.(.+)', r'backbone.\1.\2'),
    (r'blocks\.blocks\.(\d+)\.norm([12])\.(.+)',
     r'backbone.layers.\1.ln\2.\3'),
    (r'blocks\.blocks\.(\d+)\.attn\.(.+)', r'backbone.layers.\1.attn.\2'),
    (r'blocks\.blocks\.(\d+)\.mlp\.fc1\.(.+)',
     r'backbone.layers.\1.ffn.layers.0.0.\2'),
    (r'blocks\.blocks\.(\d+)\.mlp\.fc2\.(.+)',
     r'backbone.layers.\1.ffn.layers.1.\2'),
    (r'norm\.(.+)', r'neck.norm.\1'),
    (r'cls_head_finetune\.(.+)', r'head.mlp.\1'),
    (r'llama_dim_mapper1\.(.+)', r'neck.layer.map_in.\1'),
    (r'llama_dim_mapper2\.(.+)', r'neck.layer.map_out.\1'),
)
CONTAINER = 'base_model'
PRETRAINING = 'transformer_q.'
# Heads of the pretraining task, which a classifier has no use for.
PRETRAINING_HEADS = r'mask_token|lm_head\..+'
# Pretraining says nothing of these.
STARTS_ANEW = rf'head\..+|{LAYER}.+'
OTHER_BLOCK = (
    'Point model.neck.llm.checkpoint at the same language model and layer, or '
    "use the file's own block: python "
    'projects/point_cloud/tools/convert_point_bert.py FILE --block '
    'BLOCK.safetensors, then model.neck.llm.checkpoint=BLOCK.safetensors')
_MARKS = ('blocks.blocks.', PRETRAINING, 'base_model.')


def rename(name: str) -> str | None:
    """Our name for a tensor of upstream's classifier; None if it has none."""
    return next(iter(our_names(name, RENAMES)), None)


def unwrapped(state: Mapping) -> Mapping:
    """The tensors of a file, without container and wrapper's prefix."""
    held = state.get(CONTAINER)
    held = state if held is None else held
    return {name.removeprefix('module.'): t for name, t in held.items()}


def is_upstream(state: Mapping) -> bool:
    """Whether these are weights under upstream's names."""
    return isinstance(state.get(CONTAINER), Mapping) or any(
        name.removeprefix('module.').startswith(_MARKS) for name in state)


def _pretrained_backbone(held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone in a pretraining model, as upstream's code takes it."""
    backbone = {}
    for name, tensor in held.items():
        if name.startswith(f'{PRETRAINING}cls_head'):
            continue
        for prefix in (PRETRAINING, 'base_model.'):
            if name.startswith(prefix):
                backbone[name.removeprefix(prefix)] = tensor
    return backbone


def translate(state: Mapping, model: nn.Module) -> Translated:
    """Bring a published file into a model's names, and compare strictly.

    Args:
        state: The content of the file, or its tensors.
        model: A classifier of ours.

    Returns:
        Translated: The weights, and what does not match.

    Raises:
        CheckpointError: If anything is missing or left over that the kind of
            file does not account for, or a shape differs; all are named.
        BlockMismatchError: If the file was trained around another block.
    """
    held = unwrapped(state)
    pretraining = any(
        name.startswith((PRETRAINING, 'base_model.')) for name in held)
    if pretraining:
        held = _pretrained_backbone(held)
    own = shapes_of(model)
    layer = getattr(getattr(model, 'neck', None), 'layer', None)
    found = match(held, own, RENAMES,
                  'pretraining' if pretraining else 'fine-tuned', layer,
                  OTHER_BLOCK)
    lack, hold = (STARTS_ANEW, PRETRAINING_HEADS) if pretraining else ('', '')
    require_all(found, own, lack, hold, 'Published heads have 40 outputs '
                '(model.head.num_outputs)')
    return found
