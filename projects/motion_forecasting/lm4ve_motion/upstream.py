"""Reads the checkpoints of the two reference repositories.

``vectornet.ckpt`` of ziqipang/StreamingForecasting and ``demo.pt`` of
decisionforce/mmTransformer both hold their tensors under ``state_dict``.
Parts that our models do not have are named here: VectorNet's single head
(unless ``single_head=True``), mmTransformer's position table, which is
computed, and the two parts of it that nothing calls.
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from lm4ve_mm.published.translate import (
    LAYER,
    Renames,
    Translated,
    match,
    require_all,
    shapes_of,
)


class Publisher(NamedTuple):
    """Names of one repository.

    Attributes:
        kind: What its file is called in messages.
        model: Class of ours that takes it.
        mark: Every file of it has a name that begins so.
        renames: Its name -> ours.
        unused: Pattern of names that we have no use for.
    """

    kind: str
    model: str
    mark: str
    renames: Renames
    unused: str


_GRAPH = r'globalgraphs\.global_attention_layers\.(\d+)'
_STACKED = r'stacked_transformer\.'
_LEAF = r'(weight|bias)'
# Stack of mmTransformer -> ours.
_STACKS = {
    r'hist_tf\.encoder': 'motion_encoder',
    r'hist_tf\.decoder': 'motion_decoder',
    'lane_enc': 'lane_encoder',
    'lane_dec': 'map_decoder',
    'social_enc': 'social_encoder',
}
# Part of one of its layers -> ours.
_PARTS = {
    r'self_attn\.linears\.0': 'attn.query',
    r'self_attn\.linears\.1': 'attn.key',
    r'self_attn\.linears\.2': 'attn.value',
    r'self_attn\.linears\.3': 'attn.out',
    r'src_attn\.linears\.0': 'cross_attn.query',
    r'src_attn\.linears\.1': 'cross_attn.key',
    r'src_attn\.linears\.2': 'cross_attn.value',
    r'src_attn\.linears\.3': 'cross_attn.out',
    r'feed_forward\.w_1': 'ffn.0',
    r'feed_forward\.w_2': 'ffn.2',
    r'sublayer\.0\.norm': 'norms.0',
    r'sublayer\.1\.norm': 'norms.1',
    r'sublayer\.2\.norm': 'norms.2',
}

VECTORNET = Publisher(
    'VectorNet', 'VectorNet', 'globalgraphs.', (
        (r'actor_subgraphs\.encoders\.(.+)', r'actor_encoder.levels.\1'),
        (r'lane_subgraphs\.encoders\.(.+)', r'lane_encoder.levels.\1'),
        (rf'{_GRAPH}\.q_layer\.{_LEAF}', r'graph.layers.\1.query.\2'),
        (rf'{_GRAPH}\.k_layer\.{_LEAF}', r'graph.layers.\1.key.\2'),
        (rf'{_GRAPH}\.v_layer\.{_LEAF}', r'graph.layers.\1.value.\2'),
        (rf'{_GRAPH}\.norm\.0\.{_LEAF}', r'graph.layers.\1.norm.\2'),
        (r'globalgraphs\.linear_cross_attn_layers\.(\d+)\.(.+)',
         r'graph.layers.\1.merge.\2'),
        (r'globalgraphs\.linears\.(\d+)\.(.+)', r'graph.layers.\1.skip.\2'),
        (r'decoder\.preds\.(.+)', r'head.modes.\1'),
        (r'decoder\.single_pred\.(.+)', r'single.\1'),
        (r'decoder\.delta_fusion\.delta_embedding\.(.+)',
         r'head.end_embed.\1'),
        (r'decoder\.delta_fusion\.mapping\.(.+)', r'head.fuse.\1'),
        (r'decoder\.classifier\.(.+)', r'head.score.\1'),
    ), r'decoder\.single_pred\..+')

MMTRANSFORMER = Publisher(
    'mmTransformer', 'MMTransformer', 'stacked_transformer.', (
        *((rf'{_STACKED}{theirs}\.layers\.(\d+)\.{part}\.{_LEAF}',
           rf'{ours}.layers.\1.{name}.\2')
          for theirs, ours in _STACKS.items()
          for part, name in _PARTS.items()),
        *((rf'{_STACKED}{theirs}\.norm\.{_LEAF}', rf'{ours}.norm.\1')
          for theirs, ours in _STACKS.items()),
        (rf'{_STACKED}hist_tf\.src_embed\.0\.lut\.{_LEAF}',
         r'history_embed.\1'),
        (rf'{_STACKED}lane_emb\.lut\.{_LEAF}', r'lane_embed.\1'),
        (rf'{_STACKED}pos_emb\.(.+)', r'pos_embed.\1'),
        (rf'{_STACKED}dist_emb\.(.+)', r'proposals_embed.\1'),
        (rf'{_STACKED}fusion1\.(.+)', r'fuse_proposals.\1'),
        (rf'{_STACKED}fusion2\.(.+)', r'fuse_agents.\1'),
        (rf'{_STACKED}query_embed\.weight', 'queries.weight'),
        (rf'{_STACKED}prediction_header\.reg_mlp\.(.+)', r'head.steps.\1'),
        (rf'{_STACKED}prediction_header\.cls_FFN\.w_1\.{_LEAF}',
         r'head.score_ffn.0.\1'),
        (rf'{_STACKED}prediction_header\.cls_FFN\.w_2\.{_LEAF}',
         r'head.score_ffn.2.\1'),
        (rf'{_STACKED}prediction_header\.classification_layer\.(.+)',
         r'head.score.\1'),
        (r'subgraph\.layer_seq\.lmlp_(\d+)\.mlp\.(.+)',
         r'lane_polylines.levels.\1.\2'),
    ), rf'{_STACKED}(social_dec\..+|prediction_header\.dis_emb\..+'
       r'|hist_tf\.src_embed\.1\.pe)')
PUBLISHERS = (VECTORNET, MMTRANSFORMER)
OTHER_BLOCK = 'Point model.neck.llm.checkpoint at the same language model'


def unwrapped(state: Mapping) -> Mapping:
    """The tensors of a file, without container and wrapper's prefix."""
    held = state.get('state_dict', state)
    return {name.removeprefix('module.'): t for name, t in held.items()}


def publisher_of(state: Mapping) -> Publisher | None:
    """Whose names these are; None if they are nobody's."""
    names = [str(name).removeprefix('module.')
             for name in state.get('state_dict', state)]
    for one in PUBLISHERS:
        if any(name.startswith(one.mark) for name in names):
            return one
    return None


def is_upstream(state: Mapping) -> bool:
    """Whether these are weights under a reference repository's names."""
    return publisher_of(state) is not None


def translate(state: Mapping, model: nn.Module) -> Translated:
    """Bring a published file into a model's names, and compare strictly.

    Args:
        state: The content of the file, or its tensors.
        model: A forecaster of ours; an inserted layer is left as it was
            built, since no published file has one.

    Returns:
        Translated: The weights, and what does not match.

    Raises:
        CheckpointError: If the file is of another model, anything else is
            missing or left over, or a shape differs.
    """
    publisher = publisher_of(state)
    own = shapes_of(model)
    found = match(unwrapped(state), own, publisher.renames, publisher.kind,
                  None, OTHER_BLOCK)
    require_all(
        found, own, rf'{LAYER}.+', publisher.unused,
        f'This is a file for {publisher.model} with its published widths and '
        'six modes')
    return found
