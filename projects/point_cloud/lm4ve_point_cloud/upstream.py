"""Reads the checkpoints of Point-BERT and of the paper.

Two kinds are published. The pretraining file ``Point-BERT.pth`` holds the
whole pretraining model, of which ``transformer_q.*`` is the backbone. The
fine-tuned files hold the classifier; those of arXiv 2310.12973 with LLaMA's
block inside. Both keep their tensors under ``base_model``, with or without
the ``module.`` of a DataParallel wrapper.
"""

import re
from typing import Dict, List, Mapping, NamedTuple, Optional

from torch import Tensor, nn

from lm4ve_mm.llm import (BlockMismatchError, Blocks, CheckpointError,
                          FrozenLLMLayer)
from lm4ve_mm.llm.released import PREFIX as BLOCK_PREFIX
from lm4ve_mm.llm.released import released_block

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
LAYER = 'neck.layer.'
CONTAINER = 'base_model'
PRETRAINING = 'transformer_q.'
# Heads of the pretraining task, which a classifier has no use for.
PRETRAINING_HEADS = re.compile(r'mask_token|lm_head\..+')
# Pretraining says nothing of these.
STARTS_ANEW = ('head.', LAYER)
_MARKS = ('blocks.blocks.', PRETRAINING, 'base_model.')


class Translated(NamedTuple):
    """A published file in our names.

    Attributes:
        kind: ``'pretraining'`` or ``'fine-tuned'``.
        weights: Our name -> tensor, all of which the model has.
        missing: Names of the model that the file lacks.
        unexpected: Names of the file that the model lacks.
        block: LLaMA's block, where the file holds one.
    """

    kind: str
    weights: Dict[str, Tensor]
    missing: List[str]
    unexpected: List[str]
    block: Optional[Blocks]


def rename(name: str) -> Optional[str]:
    """Our name for a tensor of upstream's classifier; None if it has none."""
    for pattern, ours in RENAMES:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(ours)
    return None


def unwrapped(state: Mapping) -> Mapping:
    """The tensors of a file, without container and wrapper's prefix."""
    held = state.get(CONTAINER)
    held = state if held is None else held
    return {name.removeprefix('module.'): t for name, t in held.items()}


def is_upstream(state: Mapping) -> bool:
    """Whether these are weights under upstream's names."""
    return isinstance(state.get(CONTAINER), Mapping) or any(
        name.removeprefix('module.').startswith(_MARKS) for name in state)


def _pretrained_backbone(held: Mapping[str, Tensor]) -> Dict[str, Tensor]:
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
    own = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    layer = getattr(getattr(model, 'neck', None), 'layer', None)
    weights, unexpected, block = {}, [], None
    for name, tensor in held.items():
        ours = rename(name)
        if ours in own:
            weights[ours] = tensor
        elif not name.startswith(BLOCK_PREFIX):
            unexpected.append(name)
    if any(name.startswith(BLOCK_PREFIX) for name in held):
        block = _read_block(held, layer)
        weights.update(_block_weights(block, layer))
    missing = [name for name in own if name not in weights]
    found = Translated('pretraining' if pretraining else 'fine-tuned', weights,
                       missing, unexpected, block)
    _check(found, own)
    return found


def _read_block(held: Mapping[str, Tensor],
                layer: Optional[nn.Module]) -> Blocks:
    """The block of a file, which the model's layer has to be."""
    if not isinstance(layer, FrozenLLMLayer):
        raise CheckpointError(
            'the file holds a language-model block (llama.*), this model has '
            'no place for it: use the +LLaMA config of the same data')
    block = released_block(held, layer.geometry.num_heads)
    if not layer.trainable and (block.identity().sha256 !=
                                layer.identity.sha256):
        raise BlockMismatchError(
            f'the file was trained with {block.identity()}; this model holds '
            f'{layer.identity}. Point model.neck.llm.checkpoint at the same '
            "language model and layer, or use the file's own block: python "
            'projects/point_cloud/tools/convert_point_bert.py FILE --block '
            'BLOCK.safetensors, then model.neck.llm.checkpoint='
            'BLOCK.safetensors')
    return block


def _block_weights(block: Blocks, layer: FrozenLLMLayer) -> Dict[str, Tensor]:
    """What of the block belongs into our state dict."""
    if not layer.trainable:
        return {f'{LAYER}block_identity': layer.block_identity}
    own = layer.state_dict()
    weights = {
        f'{LAYER}blocks.0.{name}': tensor
        for name, tensor in block.tensors[0].items()
    }
    # All ones in the file, as it is in a layer that was just built.
    weights.update({f'{LAYER}{name}': own[name] for name in own
                    if name.startswith('final_norm.')})
    return weights


def _check(found: Translated, own: Mapping[str, tuple]) -> None:
    """Compare with what the kind of file may lack and have too much."""
    missing, unexpected = found.missing, found.unexpected
    if found.kind == 'pretraining':
        missing = [n for n in missing if not n.startswith(STARTS_ANEW)]
        unexpected = [n for n in unexpected
                      if not PRETRAINING_HEADS.fullmatch(n)]
    if missing or unexpected:
        raise CheckpointError(
            f'this {found.kind} file and the model do not belong together. '
            f'The file lacks {_shown(missing)}; the model has no '
            f'{_shown(unexpected)}. A baseline file goes with a baseline '
            'config, a +LLaMA file with a +LLaMA config')
    wrong = [f'{name}: {tuple(t.shape)} in the file, {own[name]} in the model'
             for name, t in found.weights.items()
             if tuple(t.shape) != own[name]]
    if wrong:
        raise CheckpointError(
            f'{len(wrong)} tensors have another shape: {"; ".join(wrong[:4])}'
            '. Published heads have 40 outputs (model.head.num_outputs)')


def _shown(names: List[str]) -> str:
    more = f' and {len(names) - 6} more' if len(names) > 6 else ''
    return (', '.join(names[:6]) or 'nothing') + more
