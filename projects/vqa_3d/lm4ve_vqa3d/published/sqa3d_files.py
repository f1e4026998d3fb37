"""Reads the checkpoints of the repository SQA3D, such as ``auxi.pth``.

They hold the tensors without a container. Four modules in them are called by
nothing and left out here: ``s_feat_linear``, ``q_feat_linear``,
``attflat_lstm_q`` and ``object_cls``. Convolutions over single points are
linear maps here; the ones at the end of their shapes are cut off. Files of
an older naming have ``lang_cls`` for ``aux_reg``.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from lm4ve_mm.published.translate import (
    LAYER,
    Renames,
    Translated,
    match,
    require_all,
    shapes_of,
    unwrapped,
)

KIND = 'SQA3D'
# Every file of it has a name that begins so.
MARK = 'lang_net.lstm.'
UNUSED = r'(s_feat_linear|q_feat_linear|attflat_lstm_q|object_cls)\..+'
# The counter of batches, which some files lack.
COUNTER = r'.+\.num_batches_tracked'
OTHER_BLOCK = 'Point model.neck.llm.checkpoint at the same language model'

_STACKS = dict(enc_list_s='situation', enc_list_q='question',
               dec_list='by_situation', dec_list_2='by_question')
_ATTENTION = dict(linear_q='query', linear_k='key', linear_v='value',
                  linear_merge='out')
_LEVELS = {**{f'detection_backbone.sa{i}.mlp_module':
              f'detector.backbone.levels.{i - 1}' for i in range(1, 5)},
           **{f'detection_backbone.fp{i}.mlp':
              f'detector.backbone.back.{i - 1}' for i in (1, 2)},
           'proposal_net.vote_aggregation.mlp_module':
               'detector.head.gather'}
# Convolution or norm of the voting -> its place in ours.
_VOTING = dict(conv1=0, bn1=1, conv2=3, bn2=4, conv3=6)
_FLATTEN = dict(attflat_s='situation', attflat_q='question',
                attflat_visual='proposals')


def _stack(theirs: str, ours: str) -> Renames:
    """Names of one stack of MCAN's layers."""
    start, own = rf'{theirs}\.(\d+)', rf'fusion.{ours}.\1'
    attentions = [('mhatt1?', 'attn'), ('mhatt2', 'cross_attn')]
    return [
        *((rf'{start}\.{attention}\.{part}\.(.+)', rf'{own}.{name}.{ours_}.\2')
          for attention, name in attentions
          for part, ours_ in _ATTENTION.items()),
        (rf'{start}\.ffn\.mlp\.fc\.linear\.(.+)', rf'{own}.ffn.0.\2'),
        (rf'{start}\.ffn\.mlp\.linear\.(.+)', rf'{own}.ffn.3.\2'),
        *((rf'{start}\.norm{n}\.{theirs_}', rf'{own}.norms.{n - 1}.{name}')
          for n in (1, 2, 3)
          for theirs_, name in (('a_2', 'weight'), ('b_2', 'bias'))),
    ]


RENAMES: Renames = [
    (r'lang_net\.lstm\.(.+)', r'fusion.texts.lstm.\1'),
    (r'lang_feat_linear\.0\.(.+)', r'fusion.text_map.\1'),
    (r'object_feat_linear\.0\.(.+)', r'fusion.proposal_map.\1'),
    *(pair for names in _STACKS.items() for pair in _stack(*names)),
    *(pair for theirs, ours in _FLATTEN.items() for pair in (
        (rf'{theirs}\.mlp\.fc\.linear\.(.+)', rf'flatten.{ours}.weigh.0.\1'),
        (rf'{theirs}\.mlp\.linear\.(.+)', rf'flatten.{ours}.weigh.3.\1'),
        (rf'{theirs}\.linear_merge\.(.+)', rf'flatten.{ours}.out.\1'))),
    (r'answer_cls\.(\d)\.(.+)', r'answer_head.\1.\2'),
    (r'(?:aux_reg|lang_cls)\.(\d)\.(.+)', r'situation_head.\1.\2'),
    *(pair for theirs, ours in _LEVELS.items() for pair in (
        (rf'{re.escape(theirs)}\.layer(\d)\.conv\.(.+)',
         rf'{ours}.mlp.maps.\1.\2'),
        (rf'{re.escape(theirs)}\.layer(\d)\.bn\.bn\.(.+)',
         rf'{ours}.mlp.norms.\1.\2'))),
    *((rf'voting_net\.{theirs}\.(.+)', rf'detector.voting.mlp.{place}.\1')
      for theirs, place in _VOTING.items()),
    (r'proposal_net\.proposal\.(\d)\.(.+)', r'detector.head.mlp.\1.\2'),
]


def is_published(state: Mapping) -> bool:
    """Whether these are weights under the names of SQA3D's repository."""
    return any(str(name).startswith(MARK) for name in unwrapped(state))


def as_rows(name: str, tensor: Tensor) -> Tensor:
    """A kernel over single points as the matrix of a linear map."""
    if name.endswith('weight') and tensor.ndim > 2:
        return tensor.flatten(2).squeeze(2)
    return tensor


def translate(state: Mapping, model: nn.Module) -> Translated:
    """Bring a published file into a model's names, and compare strictly.

    Args:
        state: The content of the file, or its tensors.
        model: :class:`SituatedQA`; an inserted layer is left as it was
            built, since no published file has one. A model without a
            detector takes the rest of the file.

    Returns:
        Translated: The weights, and what does not match.

    Raises:
        CheckpointError: If anything else is missing or left over, or a
            shape differs.
    """
    own = shapes_of(model)
    held = {name: as_rows(name, t) for name, t in unwrapped(state).items()}
    found = match(held, own, RENAMES, KIND, None, OTHER_BLOCK)
    unused = UNUSED
    if not any(name.startswith('detector.') for name in own):
        unused += r'|(detection_backbone|voting_net|proposal_net)\..+'
    require_all(
        found, own, rf'{re.escape(LAYER)}.+|{COUNTER}', unused,
        'The repository has channels=256, word_dims=300, num_answers=707 and '
        'a detector of in_channels=4 (colour and height) or 1 (height)')
    return found
