"""Reads Swin Transformers in timm's names and in those of their authors.

Both merge 2x2 patches channel by channel of one patch after the other,
MMPretrain's patch after patch of one channel: values move, too.
"""

from collections.abc import Mapping

from torch import Tensor

from .translate import Names, Renames, other_block, unwrapped

_BLOCK = r'layers\.(\d+)\.blocks\.(\d+)\.'
_OURS = r'backbone.stages.\1.blocks.\2.'
_COMMON = (
    (r'patch_embed\.proj\.(.+)', r'backbone.patch_embed.projection.\1'),
    (_BLOCK + r'attn\.(.+)', _OURS + r'attn.w_msa.\3'),
    (_BLOCK + r'mlp\.fc1\.(.+)', _OURS + r'ffn.layers.0.0.\3'),
    (_BLOCK + r'mlp\.fc2\.(.+)', _OURS + r'ffn.layers.1.\3'),
    (_BLOCK + r'(norm[12]\..+)', _OURS + r'\3'),
    (r'norm\.(.+)', r'backbone.norm3.\1'),
    (r'head\.(?:fc\.)?(weight|bias)', r'head.fc.\1'))
# The authors merge patches at the end of a stage, timm since 0.9 at the
# beginning of the next one.
_AT_THE_END = (r'layers\.(\d+)\.downsample\.(.+)',
               r'backbone.stages.\1.downsample.\2')
_AT_THE_BEGINNING = tuple(
    (rf'layers\.{stage + 1}\.downsample\.(.+)',
     rf'backbone.stages.{stage}.downsample.\1') for stage in range(3))
# The order of the four patches: MMPretrain unfolds row by row.
_PATCHES = [0, 2, 1, 3]
_FIRST = 'layers.0.blocks.0.attn.relative_position_bias_table'


def is_swin(state: Mapping) -> bool:
    """Whether these are weights of a Swin under such names."""
    return _FIRST in unwrapped(state)


def _merges_at_the_end(state: Mapping) -> bool:
    return is_swin(state) and (
        'layers.0.downsample.reduction.weight' in unwrapped(state))


def reordered(name: str, tensor: Tensor) -> Tensor:
    """Bring the inputs of a merge into MMPretrain's order.

    Args:
        name: Published name.
        tensor: (out, 4 C), or (4 C, ) of the norm before it.
    """
    if '.downsample.' not in name or tensor.shape[-1] % 4:
        return tensor
    parts = tensor.unflatten(-1, (4, -1))[..., _PATCHES, :]
    return parts.transpose(-1, -2).flatten(-2).contiguous()


def _names(knows, *merging: tuple[str, str]) -> Names:
    renames: Renames = (*_COMMON, *merging)
    return Names(
        knows, renames, lambda held: 'Swin', other_block('deit'),
        computed=r'(backbone\.)+stages\..+\.relative_position_index',
        spare=r'head\..+|.+\.attn_mask|.+\.relative_position_index',
        values=reordered)


OLD_SWIN = _names(_merges_at_the_end, _AT_THE_END)
SWIN = _names(is_swin, *_AT_THE_BEGINNING)
