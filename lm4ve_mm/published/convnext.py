"""Reads ConvNeXts in timm's names and in those of their authors."""

from collections.abc import Mapping

from .translate import Names, other_block, unwrapped

_OURS = r'backbone.stages.\1.\2.'
_RENAMES: list[tuple[str, str]] = [
    (r'stem\.([01])\.(.+)', r'backbone.downsample_layers.0.\1.\2'),
    (r'stages\.(\d+)\.downsample\.([01])\.(.+)',
     r'backbone.downsample_layers.\1.\2.\3'),
    (r'(?:head\.)?norm\.(.+)', r'backbone.norm3.\1'),
    (r'head\.(?:fc\.)?(weight|bias)', r'head.fc.\1'),
]
# timm's name, that of the authors -> MMPretrain's, in a block.
for _theirs, _part in (
        (r'(?:conv_dw|dwconv)\.(.+)', r'depthwise_conv.\3'),
        (r'mlp\.grn\.weight', 'grn.gamma'),
        (r'mlp\.grn\.bias', 'grn.beta'),
        (r'(?:mlp\.fc|pwconv)1\.(.+)', r'pointwise_conv1.\3'),
        (r'(?:mlp\.fc|pwconv)2\.(.+)', r'pointwise_conv2.\3'),
        (r'(norm\..+|gamma)', r'\3')):
    _RENAMES.append(
        (rf'stages\.(\d+)\.(?:blocks\.)?(\d+)\.{_theirs}', _OURS + _part))


def is_convnext(state: Mapping) -> bool:
    """Whether these are weights of a ConvNeXt under such names."""
    held = unwrapped(state)
    return ('stages.0.blocks.0.conv_dw.weight' in held
            or 'stages.0.0.dwconv.weight' in held)


CONVNEXT = Names(
    is_convnext, _RENAMES, lambda held: 'ConvNeXt', other_block('deit'),
    spare=r'head\.(fc|pre_logits)\..+|head\.(weight|bias)')
