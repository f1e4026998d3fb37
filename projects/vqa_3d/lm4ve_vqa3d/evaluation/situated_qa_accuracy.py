"""The metric of SQA3D."""

import logging
from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import ConfigError

from .measures import NEVER, Ranked, exact_match, rank_of

RULES = ('reference', 'wrong')


@METRICS.register_module()
class SituatedQAAccuracy(BaseMetric):
    """Exact match of answers: EM@1, EM@10, and EM@1 by type of question.

    In percent of all questions, exact over processes. The class is
    compared, nothing is normalised. Types are those of the first word, see
    :func:`~..datasets.questions.question_type`.

    Args:
        unknown: What counts where the true answer is not in the dictionary.
            ``'reference'``: the answer "unknown" is right, as in the
            reference's code. ``'wrong'``: nothing is. How many such
            questions there are is logged, and ``unknown_truths`` tells it.
        prefix: In front of the names.
        collect_device: As in :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ConfigError: If the rule is unknown.
    """

    default_prefix = 'sqa'

    def __init__(self,
                 unknown: str = 'reference',
                 prefix: str | None = None,
                 collect_device: str = 'cpu') -> None:
        super().__init__(collect_device, prefix)
        if unknown not in RULES:
            raise ConfigError(f'unknown is {" or ".join(map(repr, RULES))}, '
                              f'not {unknown!r}')
        self.unknown = unknown

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Rank the true answers of a batch.

        Args:
            data_batch: Not used.
            data_samples: Of the model, as dicts, with ``pred_score``
                (num_answers, ), ``gt_label``, ``answer`` and
                ``question_type``.

        Raises:
            ConfigError: If a question has no answer.
        """
        answers = self.dataset_meta['answers']
        for sample in data_samples:
            if sample['answer'] is None:
                raise ConfigError(f'question {sample["question_id"]} has no '
                                  'answer to compare with')
            scores = sample['pred_score'].float().cpu().numpy()
            if len(scores) != len(answers):
                raise ConfigError(
                    f'the model scores {len(scores)} answers, the data set '
                    f'has {len(answers)}: set model.num_answers='
                    f'{len(answers)}')
            known = sample['answer'] in answers
            rank = rank_of(scores, int(sample['gt_label']))
            if not known and self.unknown == 'wrong':
                rank = NEVER
            self.results.append((sample['question_type'], rank, known))

    def compute_metrics(self, results: list[tuple]) -> dict[str, float]:
        """Sum up the questions of every process."""
        # MMEngine makes plain tuples of named ones.
        results = [Ranked(*one) for one in results]
        outside = [one for one in results if not one.known]
        if outside:
            right = sum(one.rank == 0 for one in outside)
            print_log(
                f'{len(outside)} of {len(results)} true answers are not in '
                f'the dictionary; unknown={self.unknown!r} counts {right} of '
                'them as right', logger='current', level=logging.INFO)
        return dict(exact_match(results), unknown_truths=float(len(outside)))
