"""The official accuracy of VQAv2."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import ConfigError

from ..datasets.normalise import normalise_official, strip_lines

ENOUGH = 3


def vqa_accuracy(answer: str, given: Sequence[str]) -> float:
    """Score one answer as the official evaluator does.

    Each of the given answers is left out in turn; the answer counts fully if
    it is among the others three times. Ten identical answers are compared
    as they stand, others after normalisation of both sides.

    Args:
        answer: Of a model.
        given: By ten people.

    Returns:
        float: 0 to 1; with ten people 0, .3, .6, .9 or 1.
    """
    answer = strip_lines(answer)
    given = [strip_lines(one) for one in given]
    if len(set(given)) > 1:
        answer = normalise_official(answer)
        given = [normalise_official(one) for one in given]
    matches = given.count(answer)
    return float(np.mean([
        min(1, (matches - (one == answer)) / ENOUGH) for one in given]))


def answer_of(sample: dict, meta: dict | None) -> str:
    """The predicted answer of a data sample.

    Args:
        sample: With ``pred_answer``, or with ``pred_label``.
        meta: Of the data set, whose ``answers`` name the labels.

    Raises:
        ConfigError: If neither names an answer.
    """
    if 'pred_answer' in sample:
        return sample['pred_answer']
    answers = (meta or {}).get('answers')
    if answers is None:
        raise ConfigError(
            'the model predicts labels, and nobody knows their answers: give '
            "answers='FILE' to the data set, or to the model's head")
    label = int(sample['pred_label'])
    if label >= len(answers):
        raise ConfigError(
            f'the model predicts label {label}, the data set has '
            f'{len(answers)} answers: its file of answers is not the one '
            'that the model was trained with')
    return answers[label]


@METRICS.register_module()
class VQAv2Accuracy(BaseMetric):
    """Official accuracy in percent: overall and for each type of answer.

    ``soft_score`` beside it is what METER logs: the target at the predicted
    answer, without normalisation. It is over the questions of the data set,
    so over as many as METER's only with ``drop_unanswerable=True``.

    Args:
        by_question_type: Whether to report each of the 65 types of questions
            too.
        collect_device, prefix: As in :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'vqa'

    def __init__(self, by_question_type: bool = False,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device, prefix)
        self.by_question_type = by_question_type

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch.

        Raises:
            ConfigError: If the questions have no published answers.
        """
        for sample in data_samples:
            if 'gt_answer' not in sample:
                raise ConfigError(
                    f'question {sample.get("question_id")} has no published '
                    "answers, as all of test2015: write a file for the "
                    "server, test_evaluator=dict(type="
                    "'lm4ve_mm.VQASubmission', out_file='FILE.json')")
            answer = answer_of(sample, self.dataset_meta)
            scored = dict(accuracy=vqa_accuracy(answer, sample['gt_answer']),
                          kinds=self._kinds(sample))
            if 'gt_score' in sample:
                scored['soft'] = float(
                    sample['gt_score'][int(sample['pred_label'])])
            self.results.append(scored)

    def _kinds(self, sample: dict) -> list[str]:
        kinds = ['overall', sample['answer_type']]
        if self.by_question_type:
            kinds.append(sample['question_type'])
        return kinds

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Mean over all questions, and over those of each kind."""
        scores = defaultdict(list)
        for one in results:
            for kind in one['kinds']:
                scores[kind].append(one['accuracy'])
            if 'soft' in one:
                scores['soft_score'].append(one['soft'])
        return {kind: 100 * float(np.mean(found))
                for kind, found in scores.items()}
