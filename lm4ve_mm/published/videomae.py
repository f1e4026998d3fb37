"""Reads the checkpoints of VideoMAE and of the paper's video models.

Two kinds are published. Pretraining files (``videomae_ssv2_vits.pth``) hold
the autoencoder, of which ``encoder.*`` is the backbone. Fine-tuned files hold
the classifier, those of arXiv 2310.12973 with LLaMA's block inside. Tensors
are under ``model``, or under ``module`` where DeepSpeed wrote the file, and
queries and values have biases, keys have none.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from lm4ve_mm.llm import CheckpointError

from .translate import (
    Names,
    Shapes,
    Translated,
    has_patches,
    match,
    other_block,
    require_all,
    shapes_of,
    timm_renames,
    unwrapped,
)

# Upstream's name -> ours. Where two fit, it is the one that the model has: a
# neck owns the final norm, or else the backbone does.
RENAMES = (
    *timm_renames('blocks', 'mlp'),
    (r'blocks\.(\d+)\.(norm[12]|gamma_[12])(.*)', r'backbone.blocks.\1.\2\3'),
    (r'fc_norm\.(.+)', r'backbone.fc_norm.\1'),
    (r'fc_norm\.(.+)', r'neck.norm.\1'),
    (r'head\.(.+)', r'cls_head.fc_cls.\1'),
)
ENCODER = 'encoder.'
# The autoencoder's other half, and a norm that mean pooling leaves out.
DROPPED = r'decoder\..+|encoder_to_decoder\..+|mask_token|norm\.(weight|bias)'
# A table that is computed, not trained.
POSITIONS = r'backbone\.pos_embed'
# Absent from files of pretraining.
STARTS_ANEW = (rf'{POSITIONS}|backbone\.fc_norm\..+|neck\..+|cls_head\..+|'
               r'data_preprocessor\..+')
# What a classifier has besides its backbone.
NOT_BACKBONE = r'fc_norm\..+|head\..+|llama\..+|llama_dim_mapper[12]\..+'
# The layer of LLaMA in the video models of the paper.
LLAMA_LAYER = 15
OTHER_BLOCK = other_block('videomae')


def is_videomae(state: Mapping) -> bool:
    """Whether these are weights under VideoMAE's names."""
    return has_patches(unwrapped(state), 5, ENCODER)


def _kind(held: Mapping[str, Tensor]) -> str:
    """Whether a file is of pretraining or of fine-tuning."""
    pretraining = any(name.startswith(ENCODER) for name in held)
    return 'pretraining' if pretraining else 'fine-tuned'


VIDEOMAE = Names(is_videomae, RENAMES, _kind, OTHER_BLOCK, LLAMA_LAYER,
                 (ENCODER, ), DROPPED, POSITIONS)


def translate(state: Mapping, model: nn.Module) -> Translated:
    """Bring a published file into a recognizer's names, strictly.

    Args:
        state: The content of the file, or its tensors.
        model: A recognizer with a VideoMAE backbone.

    Returns:
        Translated: The weights, and what does not match. Positions that the
        model computes are among the weights: strict loaders ask for them.

    Raises:
        CheckpointError: If anything is missing or left over that the kind of
            file does not account for, or a shape differs; all are named.
        BlockMismatchError: If the file was trained around another block.
    """
    layer = getattr(getattr(model, 'neck', None), 'layer', None)
    found, own = _match(state, shapes_of(model), layer)
    if found.kind == 'pretraining':
        require_all(found, own, STARTS_ANEW, DROPPED)
    else:
        require_all(found, own, POSITIONS, '')
    tables = {name: table for name, table in model.named_buffers()
              if name in found.missing and re.fullmatch(POSITIONS, name)}
    return found._replace(
        weights={**found.weights, **tables},
        missing=[name for name in found.missing if name not in tables])


def translate_backbone(state: Mapping, backbone: nn.Module) -> Translated:
    """As :func:`translate`, for a backbone alone: names are the backbone's.

    What a fine-tuned file holds besides is left out.
    """
    own = {f'backbone.{name}': shape
           for name, shape in shapes_of(backbone).items()}
    held = {name: tensor for name, tensor in unwrapped(state).items()
            if not name.startswith('llama.')}
    found, own = _match(held, own, None)
    lacks, holds = POSITIONS, NOT_BACKBONE
    if found.kind == 'pretraining':
        lacks, holds = STARTS_ANEW, DROPPED
    require_all(found, own, lacks, holds)
    return found._replace(
        weights={name.removeprefix('backbone.'): tensor
                 for name, tensor in found.weights.items()},
        missing=[name.removeprefix('backbone.') for name in found.missing])


def _match(state: Mapping, own: Shapes,
           layer: nn.Module | None) -> tuple[Translated, Shapes]:
    """Give the tensors our names, before anything is required."""
    if not is_videomae(state):
        names = ', '.join(map(str, list(unwrapped(state))[:5]))
        raise CheckpointError(
            f'these are no weights of VideoMAE: they hold {names}, ...')
    held = unwrapped(state)
    kind = _kind(held)
    held = {name.removeprefix(ENCODER): t for name, t in held.items()}
    return match(held, own, RENAMES, kind, layer, OTHER_BLOCK,
                 LLAMA_LAYER), own
