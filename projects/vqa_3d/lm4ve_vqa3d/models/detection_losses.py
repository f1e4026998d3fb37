"""What VoteNet learns: votes, objectness, boxes and classes.

Formulas of VoteNet (arXiv 1904.09664, section 4.4), with the constants of the
repository of SQA3D. Every mean is over what its mask keeps.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from .voting import Detection

NEAR, FAR = .3, .6  # metres to the next object: positive, negative
OBJECTNESS_WEIGHTS = (.2, .8)
EPSILON = 1e-6
HUBER_DELTA = 1.
CLASS_PART = .1  # of heading and size classes in the loss of the box


def masked_mean(losses: Tensor, mask: Tensor) -> Tensor:
    """Mean of what the mask keeps; 0 if that is nothing."""
    mask = mask.to(losses.dtype)
    return (losses * mask).sum() / (mask.sum() + EPSILON)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Of logits (B, K, C) with labels (B, K): (B, K)."""
    return functional.cross_entropy(logits.mT, labels, reduction='none')


def huber(errors: Tensor) -> Tensor:
    """Squared near zero, linear beyond."""
    return functional.huber_loss(
        errors, torch.zeros_like(errors), reduction='none', delta=HUBER_DELTA)


def vote_loss(found: Detection, labels: Tensor, mask: Tensor) -> Tensor:
    """Distance (L1) of the seeds' votes to the nearest of three targets.

    Args:
        found: Of the detector.
        labels: (B, N, 9), three offsets from each point to a centre.
        mask: (B, N), 1 on objects.
    """
    labels = labels.gather(
        1, found.seed_indices[..., None].expand(-1, -1, labels.shape[-1]))
    targets = found.seeds[:, :, None] + labels.unflatten(-1, (3, 3))
    apart = (found.votes[:, :, None] - targets).abs().sum(-1)  # (B, S, 3)
    return masked_mean(apart.min(-1).values,
                       mask.gather(1, found.seed_indices))


def squared_distances(one: Tensor, other: Tensor) -> Tensor:
    """(B, K, 3) and (B, L, 3) to (B, K, L)."""
    return (one[:, :, None] - other[:, None]).square().sum(-1)


def assign(anchors: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give each proposal the object next to it.

    Padded objects, which lie at the origin, take part as in the reference.

    Returns:
        tuple: Which proposals are objects (B, K), which count at all, and
        the index of the object of each.
    """
    squared, nearest = squared_distances(anchors, centres).min(-1)
    distance = (squared + EPSILON).sqrt()
    positive = distance < NEAR
    return positive, positive | (distance > FAR), nearest


def detection_losses(found: Detection, targets: Mapping[str, Tensor],
                     mean_sizes: Tensor) -> dict[str, Tensor]:
    """All parts, not weighted.

    Args:
        found: Of the detector.
        targets: ``center_label`` and the others, as batches.
        mean_sizes: (S, 3) in metres.

    Returns:
        dict: ``vote``, ``objectness``, ``centre``, ``heading_class``,
        ``heading_residual``, ``size_class``, ``size_residual``, ``box``, the
        sum of the five before it, and ``class``.
    """
    positive, counted, nearest = assign(found.anchors,
                                        targets['center_label'])
    losses = dict(
        vote=vote_loss(found, targets['vote_label'], targets['vote_mask']),
        objectness=_objectness(found, positive, counted),
        centre=_centre(found, targets, positive))
    chosen = {key: _take(targets[key], nearest)
              for key in ('heading_class', 'heading_residual', 'size_class',
                          'size_residual', 'sem_class')}
    errors = dict(
        heading_class=cross_entropy(found.heading_scores,
                                    chosen['heading_class']),
        heading_residual=_heading(found, chosen),
        size_class=cross_entropy(found.size_scores, chosen['size_class']),
        size_residual=_size(found, chosen, mean_sizes))
    losses.update((name, masked_mean(error, positive))
                  for name, error in errors.items())
    losses['box'] = (
        losses['centre'] + losses['heading_residual']
        + losses['size_residual']
        + CLASS_PART * (losses['heading_class'] + losses['size_class']))
    losses['class'] = masked_mean(
        cross_entropy(found.class_scores, chosen['sem_class']), positive)
    return losses


def _take(values: Tensor, index: Tensor) -> Tensor:
    """values (B, L, ...) at index (B, K): (B, K, ...)."""
    rows = torch.arange(len(index), device=index.device)[:, None]
    return values[rows, index]


def _objectness(found: Detection, positive: Tensor,
                counted: Tensor) -> Tensor:
    """Weighted cross-entropy of the proposals near and far from objects."""
    weights = found.objectness.new_tensor(OBJECTNESS_WEIGHTS)
    label = positive.long()
    return masked_mean(
        cross_entropy(found.objectness, label) * weights[label], counted)


def _centre(found: Detection, targets: Mapping[str, Tensor],
            positive: Tensor) -> Tensor:
    """Proposals to the next object, and real objects to the next proposal."""
    squared = squared_distances(found.centres, targets['center_label'])
    return (masked_mean(squared.min(2).values, positive)
            + masked_mean(squared.min(1).values, targets['box_mask']))


def _heading(found: Detection, chosen: Mapping[str, Tensor]) -> Tensor:
    """Error of the residual in the true bin, in half bins: (B, K)."""
    bins = found.heading_scores.shape[-1]
    residual = found.heading_residuals.gather(
        -1, chosen['heading_class'][..., None])[..., 0]
    return huber(residual - chosen['heading_residual'] / (math.pi / bins))


def _size(found: Detection, chosen: Mapping[str, Tensor],
          mean_sizes: Tensor) -> Tensor:
    """Error of the residual of the true size, over its mean: (B, K)."""
    kind = chosen['size_class']
    index = kind[..., None, None].expand(-1, -1, 1, 3)
    residual = found.size_residuals.gather(2, index)[:, :, 0]
    truth = chosen['size_residual'] / mean_sizes[kind]
    return huber(residual - truth).mean(-1)
