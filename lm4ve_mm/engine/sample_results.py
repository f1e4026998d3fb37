"""What was answered right, sample by sample, kept for later comparisons."""

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from torch import Tensor

from lm4ve_mm.analysis.results import collect, write_results
from lm4ve_mm.registry import METRICS
from lm4ve_mm.utils.errors import ConfigError

# Where toolboxes keep what names a sample, the best name first.
NAMES = ('sample_id', 'img_path', 'filename', 'question_id', 'sample_idx')


@METRICS.register_module()
class SampleResultsFile(BaseMetric):
    """Writes one bit a sample instead of computing a number.

    Two such files of the same data set, of two models, are what
    ``tools/analysis_tools/compare.py`` takes.

    Args:
        out_file (str): A JSON file.
        about (dict, optional): What is known of the model, the data and the
            precision; see :class:`lm4ve_mm.analysis.results.SampleResults`.
        collect_device (str): As in :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ConfigError: If samples have no name, no label or no prediction.
    """

    def __init__(self, out_file: str, about: dict | None = None,
                 collect_device: str = 'cpu') -> None:
        super().__init__(collect_device)
        self.out_file = out_file
        self.about = dict(about or {})

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Note the name of each sample and whether it is right."""
        self.results += [(_name_of(sample), _is_right(sample))
                         for sample in data_samples]

    def compute_metrics(self, results: list) -> dict:
        """Write the file; there is no number to log."""
        names, right = zip(*results)
        write_results(self.out_file, collect(names, right, self.about))
        return {}


def _name_of(sample: dict) -> str:
    for key in NAMES:
        if sample.get(key) is not None:
            return str(sample[key])
    raise ConfigError(
        'results are kept by name, but the samples have none of '
        f"{', '.join(NAMES)}: add one to the meta_keys of the pipeline's "
        "last transform, for example dict(type='mmaction.PackActionInputs', "
        "meta_keys=('img_shape', 'sample_idx'))")


def _is_right(sample: dict) -> bool:
    if 'pred_label' not in sample or 'gt_label' not in sample:
        raise ConfigError(
            'right and wrong are told by pred_label and gt_label, which these '
            f'samples do not have; they have {", ".join(sorted(sample))}')
    truth = sample['gt_label']
    truths = truth.flatten().tolist() if isinstance(truth, Tensor) else [
        int(truth)]
    return int(sample['pred_label']) in truths
