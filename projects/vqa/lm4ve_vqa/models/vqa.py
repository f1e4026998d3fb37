"""METER answers questions about images."""

import torch
from torch import Tensor

from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import DataError

from .meter import METER


@MODELS.register_module()
class METERForVQA(METER):
    """See :class:`METER`; the head is :class:`VQAHead`."""

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Binary cross-entropy with the soft targets ``gt_score``.

        Raises:
            DataError: If a sample has none.
        """
        if any('gt_score' not in sample for sample in data_samples):
            raise DataError(
                'a question has no gt_score to learn from: the training data '
                'needs its annotations and the list of answers')
        scores = torch.stack([sample.gt_score for sample in data_samples])
        pooled = self.pooled(inputs, data_samples)
        return self.head.loss(pooled, scores.to(pooled.device))

    def predict(self, inputs: Tensor, data_samples: list) -> list:
        """Give each sample ``pred_score``, ``pred_label``, ``pred_answer``.

        Scores are sigmoids, (num_answers, ); the answer is a text, where the
        head was given the list of them.
        """
        logits = self.head(self.pooled(inputs, data_samples)).float()
        answers = self.head.answers
        for sample, row in zip(data_samples, logits, strict=True):
            label = int(row.argmax())
            sample.set_field(row.sigmoid(), 'pred_score')
            sample.set_field(label, 'pred_label')
            if answers is not None:
                sample.set_field(answers[label], 'pred_answer')
        return data_samples
