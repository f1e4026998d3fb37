"""The activation of tokens, carried to the points of a cloud."""

from typing import NamedTuple

import torch
from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor

from lm4ve_mm.analysis.activation import token_activation
from lm4ve_mm.models import find_llm_layers
from lm4ve_mm.ops import farthest_point_sample, gather_points, knn_indices


class Answer(NamedTuple):
    """A batch as the classifier sees it.

    ``points`` are (B, P, 3), ``activation`` is (B, P): of each point's
    nearest group centre; ``samples`` are the predictions.
    """

    points: Tensor
    activation: Tensor
    samples: list[DataSample]


@torch.no_grad()
def point_activation(model: ImageClassifier, data: dict) -> Answer:
    """Classify a batch, and colour its points by the activation of tokens.

    The tokens are those that the inserted layer gives; of a model without
    one, those of the backbone.

    Args:
        model (ImageClassifier): In eval mode, with one token for each group
            after the class token.
        data (dict): A batch of a data loader.

    Returns:
        Answer: The points, their activation and the predictions.
    """
    layers = list(find_llm_layers(model).values())
    source = layers[-1] if layers else model.backbone
    seen = []
    handle = source.register_forward_hook(
        lambda module, inputs, output: seen.append(output))
    try:
        data = model.data_preprocessor(data, training=False)
        samples = model(**data, mode='predict')
    finally:
        handle.remove()
    tokens = seen[-1] if isinstance(seen[-1], Tensor) else seen[-1][-1]
    activation = token_activation(tokens[:, 1:])  # (B, G)
    points = data['inputs']
    # The same centres as the backbone's: sampling is deterministic.
    chosen = farthest_point_sample(points, activation.shape[1],
                                   model.backbone.skip_near_origin)
    centres = gather_points(points, chosen)
    nearest = knn_indices(centres, points, 1)[..., 0]  # (B, P)
    return Answer(points, activation.gather(1, nearest), samples)
