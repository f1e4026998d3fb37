"""The file that the server of VQAv2 takes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import DataError
from lm4ve_mm.utils.files import replacing

from .vqa_accuracy import answer_of


@METRICS.register_module()
class VQASubmission(BaseMetric):
    """Writes the answers instead of scoring them (EvalAI challenge 830).

    Args:
        out_file: The JSON file to write; complete or not there.
        collect_device: As in :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'submission'

    def __init__(self, out_file: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device)
        self.out_file = Path(out_file)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the answers of a batch."""
        self.results += [
            dict(question_id=int(sample['question_id']),
                 answer=answer_of(sample, self.dataset_meta))
            for sample in data_samples]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Write the file, in the first process.

        Raises:
            DataError: If a question was answered twice.
        """
        if len({one['question_id'] for one in results}) != len(results):
            raise DataError('a question was answered more than once: the '
                            'server would not take the file')
        with replacing(self.out_file) as temporary:
            Path(temporary).write_text(json.dumps(results, indent=4))
        print_log(f'wrote {self.out_file}: {len(results)} answers',
                  logger='current')
        return dict(answers=float(len(results)))
