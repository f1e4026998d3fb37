"""Recall of images by texts and of texts by images."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpretrain.evaluation import RetrievalRecall

from lm4ve_mm.registry import METRICS

# Text retrieval: an image looks for its captions. Image retrieval: a caption
# looks for its image.
DIRECTIONS = ('TR', 'IR')


@METRICS.register_module()
class ImageTextRecall(RetrievalRecall):
    """``IR@k`` and ``TR@k`` in percent, over the whole gallery.

    ``IR@k`` is the share of captions whose image is among the first k,
    ``TR@k`` that of images with at least one of their captions there. The
    samples are those of :class:`RetrievalTestLoop`: ``direction``,
    ``pred_score`` over the gallery, and ``gt_label``, what is right in it.

    Args:
        topk: The values of k.
        collect_device, prefix: As in :class:`mmengine.evaluator.BaseMetric`.
    """

    def __init__(self, topk: int | Sequence[int] = (1, 5, 10),
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(topk, collect_device, prefix)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the best place of what is right in each ranking.

        Equal scores count against the model: a model that gives all pairs
        the same score finds nothing.
        """
        for sample in data_samples:
            score = sample['pred_score']
            right = score[sample['gt_label']].max()
            # Others that are at least as good, the right ones left out.
            before = (score >= right).sum() - (
                score[sample['gt_label']] >= right).sum()
            self.results.append((sample['direction'], int(before)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Shares of the queries whose best right place is below k."""
        places = defaultdict(list)
        for direction, place in results:
            places[direction].append(place)
        return {
            f'{direction}@{k}': 100 * float(
                np.mean(np.array(places[direction]) < k))
            for direction in DIRECTIONS if direction in places
            for k in self.topk
        }
