"""One metric for all robustness sets: it counts by group."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from sys import intern
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch import Tensor

from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import ConfigError

from ..datasets.imagenet_classes import class_indices
from .robustness import C, Count, missing_sets, summarise, table

# Sets that have only some of the classes: the answer is looked for in these.
CANDIDATES = dict(imagenet_a='imagenet_a', imagenet_r='imagenet_r',
                  imagenet_a_clean='imagenet_a',
                  imagenet_r_clean='imagenet_r')


@cache
def _candidates(name: str) -> Tensor:
    return torch.tensor(class_indices(name))


@METRICS.register_module()
class RobustnessMetric(BaseMetric):
    """Accuracies of ImageNet-C, -A, -R, -Sketch and others, and mCE.

    Of each sample three bits and its group are kept, so that millions fit.
    On ImageNet-A and -R the answer is the likeliest of their 200 classes, as
    their authors evaluate; ``top1_open`` is among all 1,000.

    Args:
        collect_device (str): As in :class:`mmengine.evaluator.BaseMetric`.
        prefix (str, optional): As there.

    Raises:
        ConfigError: If samples have no ``group`` or no scores.
    """

    default_prefix = 'robustness'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Note the group of each sample, and whether it is right."""
        for sample in data_samples:
            group = sample.get('group')
            if group is None or 'pred_score' not in sample:
                raise ConfigError(
                    'RobustnessMetric needs samples with a group and with '
                    "scores: end the pipeline with PackInputs(meta_keys=("
                    "'img_path', 'group')), and test a classifier")
            # One string a group, not one a sample.
            self.results.append((intern(group), *_right(
                sample['pred_score'], int(sample['gt_label']), group)))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Count by group, and log the table of ImageNet-C."""
        totals = Counter()
        for group, *bits in results:
            for place, bit in enumerate((True, *bits)):
                totals[group, place] += bit
        counts = {group: Count(*(totals[group, place] for place in range(4)))
                  for group in dict.fromkeys(result[0] for result in results)}
        logger = MMLogger.get_current_instance()
        if any(group.startswith(C) for group in counts):
            logger.info(f'ImageNet-C\n{table(counts)}')
            lacking = missing_sets(counts)
            if lacking:
                logger.warning(
                    f'ImageNet-C: no mean and no mCE, since {len(lacking)} of '
                    f'75 sets were not tested: {", ".join(lacking[:5])}, ...')
        found = summarise(counts)
        found.update((f'{group}/images', count.images)
                     for group, count in counts.items()
                     if not group.startswith(f'{C}/'))
        return found


def _right(scores: Tensor, label: int, group: str) -> tuple[bool, bool, bool]:
    """Whether a sample is right: in its set, in the top five, among all."""
    among_all = bool(scores.argmax() == label)
    if group not in CANDIDATES:
        order = scores.topk(min(5, len(scores))).indices
        return among_all, bool((order == label).any()), among_all
    # Chosen by index: adding to scores loses what is below their rounding.
    candidates = _candidates(CANDIDATES[group]).to(scores.device)
    order = candidates[scores[candidates].topk(5).indices]
    return bool(order[0] == label), bool((order == label).any()), among_all
