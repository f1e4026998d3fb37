"""What a detector learns from: votes of points, and padded boxes."""

import numpy as np

from .classes import MEAN_SIZES, OBJECTS, class_of

# Slots for boxes; a scene with more boxes has the rest left out.
MAX_BOXES = 128
# Each point has three votes for its object's centre, all the same here.
VOTES = 3


def votes_of(points: np.ndarray, instances: np.ndarray,
             labels: np.ndarray) -> dict[str, np.ndarray]:
    """Where each point's object has its centre, from the point.

    Args:
        points: (N, 3), those that the model sees.
        instances: (N, ) from 1.
        labels: (N, ) of NYU40.

    Returns:
        dict: ``vote_label`` (N, 9) float32 and ``vote_mask`` (N, ) int64, 1
        on objects. The centre is that of the box around the object's points
        that the model sees.
    """
    votes = np.zeros((len(points), 3))
    mask = np.zeros(len(points), np.int64)
    for instance in np.unique(instances):
        rows = np.flatnonzero(instances == instance)
        if labels[rows[0]] not in OBJECTS:
            continue
        own = points[rows]
        votes[rows] = (own.min(0) + own.max(0)) / 2 - own
        mask[rows] = 1
    return dict(vote_label=np.tile(votes, (1, VOTES)).astype(np.float32),
                vote_mask=mask)


def box_targets(boxes: np.ndarray) -> dict[str, np.ndarray]:
    """Boxes (K, 8) as targets, padded to :data:`MAX_BOXES`.

    Classes are semantic and of sizes at once, and nothing has a heading.
    Padding lies at the origin.
    """
    kept = boxes[:MAX_BOXES]
    count = len(kept)
    classes = class_of(kept[:, 6])
    found = dict(
        center_label=np.zeros((MAX_BOXES, 3), np.float32),
        box_mask=np.zeros(MAX_BOXES, np.float32),
        heading_class=np.zeros(MAX_BOXES, np.int64),
        heading_residual=np.zeros(MAX_BOXES, np.float32),
        size_class=np.zeros(MAX_BOXES, np.int64),
        size_residual=np.zeros((MAX_BOXES, 3), np.float32),
        sem_class=np.zeros(MAX_BOXES, np.int64))
    found['center_label'][:count] = kept[:, :3]
    found['box_mask'][:count] = 1
    found['size_class'][:count] = found['sem_class'][:count] = classes
    found['size_residual'][:count] = kept[:, 3:6] - MEAN_SIZES[classes]
    return found
