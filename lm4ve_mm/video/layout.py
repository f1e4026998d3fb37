"""How the tokens of video recognizers lie: on a grid in time and space."""

import numpy as np
from mmaction.models.recognizers import Recognizer3D
from torch import Tensor, nn

from lm4ve_mm.analysis.layouts import Layout, register_layout
from lm4ve_mm.analysis.pictures import ClipPicture
from lm4ve_mm.utils.errors import ConfigError


def pictures(model: nn.Module, raw, inputs: Tensor,
             count: int) -> tuple[list[ClipPicture], slice]:
    """See :class:`lm4ve_mm.analysis.layouts.Layout`."""
    cube = model.backbone.patch_embed.projection.kernel_size
    sides = raw[0].shape[-3:]
    grid = tuple(side // step for side, step in zip(sides, cube))
    if np.prod(grid) != count:
        raise ConfigError(f'{count} tokens are not the {np.prod(grid)} cubes '
                          f'of {cube} of a clip of {tuple(sides)}')
    # The first view of each: (V, C, T, H, W) -> (T, H, W, C).
    return [ClipPicture(clip[0].permute(1, 2, 3, 0).cpu().numpy(), grid)
            for clip in raw], slice(0, None)


def last_block(model: nn.Module) -> nn.Module:
    """The last block of a VideoMAE."""
    return model.backbone.blocks[-1]


register_layout(Recognizer3D, Layout(last_block, pictures))
