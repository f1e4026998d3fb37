"""How the tokens of image classifiers lie: on a grid."""

import math

import numpy as np
from mmpretrain.models.classifiers import ImageClassifier
from torch import Tensor, nn

from lm4ve_mm.analysis.layouts import Layout, register_layout
from lm4ve_mm.analysis.pictures import ImagePicture
from lm4ve_mm.utils.errors import ConfigError

# Tokens at the front that are no places: class and distillation.
MOST_EXTRA = 2


def grid_of(shape: tuple[int, int], count: int) -> tuple[int, int]:
    """Rows and columns of tokens of an image.

    Args:
        shape: Height and width of the image.
        count: Tokens, among them class tokens.

    Raises:
        ConfigError: If they make no grid of the image's proportions.
    """
    common = math.gcd(*shape)
    rows, columns = (side // common for side in shape)
    factor = math.isqrt(count // (rows * columns))
    if not factor or count - factor**2 * rows * columns > MOST_EXTRA:
        raise ConfigError(
            f'{count} tokens make no grid of the proportions of an image of '
            f'{shape[0]}x{shape[1]} pixels, so there is no map of them')
    return factor * rows, factor * columns


def pixels(model: nn.Module, image: Tensor) -> np.ndarray:
    """(3, H, W) of a batch, not normalised -> (H, W, 3) uint8 RGB."""
    shown = image.permute(1, 2, 0).cpu().numpy().astype(np.uint8)
    reads_bgr = getattr(model.data_preprocessor, 'to_rgb', False)
    return np.ascontiguousarray(shown[..., ::-1] if reads_bgr else shown)


def pictures(model: nn.Module, raw, inputs: Tensor,
             count: int) -> tuple[list[ImagePicture], slice]:
    """See :class:`lm4ve_mm.analysis.layouts.Layout`."""
    grid = grid_of(tuple(inputs.shape[-2:]), count)
    return ([ImagePicture(pixels(model, image), grid) for image in raw],
            slice(count - grid[0] * grid[1], None))


def last_block(model: nn.Module) -> nn.Module:
    """The last block of a ViT, or else the backbone."""
    backbone = getattr(model.backbone, 'backbone', model.backbone)
    blocks = getattr(backbone, 'layers', None)
    return model.backbone if blocks is None else blocks[-1]


def last_attention(model: nn.Module) -> nn.Module | None:
    """The attention in it, if its weights can be computed."""
    attention = getattr(last_block(model), 'attn', None)
    known = hasattr(attention, 'qkv') and hasattr(attention, 'num_heads')
    return attention if known else None


register_layout(ImageClassifier,
                Layout(last_block, pictures, last_attention))
