"""What the runs of a study ended with, read from their folders."""

import json
from collections.abc import Sequence
from pathlib import Path

from lm4ve_mm.analysis.results import read_results
from lm4ve_mm.analysis.study_report import Outcome
from lm4ve_mm.llm.weights.identity import BlockIdentity
from lm4ve_mm.llm.weights.tensor_files import open_torch
from lm4ve_mm.models.layers import META_KEY
from lm4ve_mm.utils.errors import ConfigError, DataError

from .study import METRICS, RESULTS, Run, last_checkpoint

# What to look at, where the user names nothing: the first that is there.
USUAL = ('accuracy/top1', 'acc/top1')
RANDOM_FAMILY = 'random'
# What has to be in the block's place; in the other variants nothing.
KINDS = dict(
    block={'pretrained'}, finetuned={'pretrained'}, random={'random'},
    random_trained={'random'})
TRAINED = ('finetuned', 'random_trained')


def read_outcomes(runs: Sequence[Run],
                  metric: str | None = None) -> tuple[str, list[Outcome]]:
    """Read the runs that are done.

    Args:
        runs: Of :func:`lm4ve_mm.apis.study.plan`.
        metric: Name of a tested metric; by default top-1 accuracy.

    Returns:
        tuple: Name of the metric, and the outcomes.

    Raises:
        ConfigError: If there is no such metric.
        DataError: If no run is done, or if the checkpoint of one says that
            something else was built in than its variant promises.
    """
    done = [run for run in runs if run.done]
    if not done:
        raise DataError('no run of the study is done')
    values = {run: json.loads((run.folder / METRICS).read_text())
              for run in done}
    names = sorted(values[done[0]])
    if metric is None:
        metric = next((name for name in USUAL if name in names), None)
    if metric is None or metric not in names:
        raise ConfigError(f'--metric {metric}: the runs were tested for '
                          f'{", ".join(names)}')
    outcomes = []
    for run in done:
        results = run.folder / RESULTS
        outcomes.append(Outcome(
            run.variant, run.seed, float(values[run][metric]),
            _built_in(run, last_checkpoint(run.folder)),
            read_results(results) if results.is_file() else None))
    return metric, outcomes


def _built_in(run: Run, checkpoint: Path) -> str:
    """What a checkpoint says of itself, if that is what was asked for."""
    layers = open_torch(checkpoint).get('meta', {}).get(META_KEY, {})
    found = [BlockIdentity.from_dict(layer['identity'])
             for layer in layers.values()]
    text = '; '.join(map(str, found)) or 'no language-model block'
    kinds = {'random' if identity.family == RANDOM_FAMILY else 'pretrained'
             for identity in found}
    trained = {bool(layer['trainable']) for layer in layers.values()}
    if kinds != KINDS.get(run.variant, set()) or found and trained != {
            run.variant in TRAINED}:
        raise DataError(f'{checkpoint} of {run} says that it was trained '
                        f'with: {text}. This is not what this variant is')
    return text
