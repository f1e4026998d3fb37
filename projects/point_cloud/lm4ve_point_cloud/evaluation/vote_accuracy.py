"""Overall accuracy, without and with votes."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.evaluation import Accuracy

from lm4ve_mm.registry import METRICS


@METRICS.register_module()
class VoteAccuracy(Accuracy):
    """MMPretrain's accuracy, and that of votes where there are any.

    A test with ``--tta`` gives every sample the logits of some runs of
    voting, see :class:`lm4ve_point_cloud.models.PointVoteTTA`. Beside
    ``top1``, which is the plain accuracy, they make

    * ``vote_best``: the best run. This is what Point-BERT's test script
      prints as its voted accuracy, of nine runs, and what has to be compared
      with the published figures; as the maximum over runs on the test set
      it flatters.
    * ``vote_mean``: their mean, the expectation of one run.
    * ``vote_std``: their standard deviation (0 of one run).

    Args:
        topk, thrs, collect_device, prefix: As in
            :class:`mmpretrain.evaluation.Accuracy`.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep scores, labels and votes of a batch.

        Args:
            data_batch: Not used.
            data_samples: Predictions as dicts, perhaps with ``vote_logits``
                (runs, classes).
        """
        super().process(data_batch, data_samples)
        for result, sample in zip(self.results[-len(data_samples):],
                                  data_samples, strict=True):
            if 'vote_logits' in sample:
                guesses = sample['vote_logits'].argmax(-1)  # (runs, )
                result['vote_right'] = guesses.cpu() == result['gt_label']

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Percentages over the whole test set.

        Args:
            results: One entry a sample, of every process.

        Returns:
            dict: ``top1`` and so on; the votes' if there are any.
        """
        metrics = super().compute_metrics(results)
        if 'vote_right' in results[0]:
            right = torch.stack([entry['vote_right'] for entry in results])
            runs = 100 * right.double().mean(0)  # (runs, )
            metrics.update(
                vote_best=runs.max().item(),
                vote_mean=runs.mean().item(),
                vote_std=runs.std(correction=0).item())
        return metrics
