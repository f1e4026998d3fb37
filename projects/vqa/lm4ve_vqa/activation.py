"""Where a model looks: the activation of image tokens behind the block."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lm4ve_mm.analysis.activation import token_activation
from lm4ve_mm.utils.errors import ConfigError

from .models import METER


class Looked(NamedTuple):
    """A batch with what the model says, and where it looked.

    Attributes:
        samples: The predictions.
        activation: (B, rows, columns), 0 to 1 in each image.
    """

    samples: list
    activation: np.ndarray


@torch.no_grad()
def image_activation(model: METER, data: dict) -> Looked:
    """Predict, and measure how strongly each image token answers.

    The tokens are those that the block gives, all of them computed; of a
    model without a block, those of the fusion.

    Args:
        model: In eval mode.
        data: A batch of a data loader.

    Raises:
        ConfigError: If the tokens make no square.
    """
    seen: list[tuple[Tensor, Tensor]] = []
    handle = model.fusion.register_forward_hook(
        lambda module, inputs, output: seen.append((*output, inputs[2])))
    try:
        data = model.data_preprocessor(data, False)
        samples = model(**data, mode='predict')
    finally:
        handle.remove()
    image, text, mask = seen[-1]
    tokens = behind_block(model, image, text, mask)
    if model.image_encoder.pooling == 'cls':
        tokens = tokens[:, 1:]
    side = math.isqrt(tokens.shape[1])
    if side * side != tokens.shape[1]:
        raise ConfigError(f'{tokens.shape[1]} image tokens make no square, '
                          'so there is no map of them')
    activation = token_activation(tokens.float())
    return Looked(samples, activation.unflatten(1, (side, side)).cpu().numpy())


def behind_block(model: METER, image: Tensor, text: Tensor,
                 mask: Tensor) -> Tensor:
    """All image tokens behind the block, which a test does not compute."""
    if model.neck is None:
        return image
    if model.tokens == 'image':
        return model.neck(image)
    count = image.shape[1]
    valid = torch.cat([mask.new_ones(image.shape[:2]), mask], 1).bool()
    return model.neck(torch.cat([image, text], 1), valid)[:, :count]
