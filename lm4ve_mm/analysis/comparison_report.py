"""Two sets of per-sample results, compared and put into words."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from lm4ve_mm.utils.errors import DataError

from .compare import (
    Interval,
    PairComparison,
    both_noises,
    compare_pair,
    compare_seeds,
)
from .results import SampleResults, digest_of, read_results

# Two models may differ in these; in what is not here they must not.
SAME = dict(
    dataset='data sets',
    pipeline_sha256='test pipelines',
    tta='settings of test-time augmentation')


def compare_files(first: Sequence[str], second: Sequence[str],
                  names: Sequence[str] | None = None) -> dict[str, Any]:
    """Compare files of per-sample results.

    Args:
        first: Of the first model, one file a run.
        second: Of the second; paired with the first in their order where
            there are as many.
        names: What to call the models; by default their configs.

    Returns:
        dict: Everything that :func:`table` prints, as plain values.
            Accuracies and differences are in percent.

    Raises:
        DataError: If the files are not about the same samples, data set or
            pipeline.
    """
    one, two = ([read_results(path) for path in paths]
                for paths in (first, second))
    _check_same((*first, *second), (*one, *two))
    paired = len(one) == len(two)
    seeds = compare_seeds([100 * r.accuracy for r in one],
                          [100 * r.accuracy for r in two], paired)
    joint = both_noises(np.stack([r.correct for r in one]),
                        np.stack([r.correct for r in two]))
    return dict(
        names=list(names or (_name(one), _name(two))),
        samples=len(one[0].ids),
        paired=paired,
        seeds=[[r.about.get('seed') for r in runs] for runs in (one, two)],
        values=[list(seeds.first), list(seeds.second)],
        mean=list(seeds.mean),
        deviation=list(seeds.deviation),
        difference=seeds.difference,
        over_seeds=None if seeds.interval is None else dict(
            low=seeds.interval.low, high=seeds.interval.high,
            p_value=seeds.p_value, verdict=seeds.interval.verdict()),
        wins=seeds.wins,
        over_samples=[_pair(compare_pair(a.correct, b.correct))
                      for a, b in zip(one, two)] if paired else [],
        over_both=_percent(joint))


def _name(runs: Sequence[SampleResults]) -> str:
    return str(runs[0].about.get('config', 'unnamed'))


def _percent(interval: Interval) -> dict[str, Any]:
    return dict(low=100 * interval.low, high=100 * interval.high,
                verdict=interval.verdict(), shows=100 * interval.reach)


def _pair(found: PairComparison) -> dict[str, Any]:
    return dict(
        difference=100 * found.difference,
        only_first=found.only_first,
        only_second=found.only_second,
        p_value=found.p_value,
        wilson=[[100 * w.low, 100 * w.high] for w in found.wilson],
        **_percent(found.interval))


def _check_same(paths: Sequence[str], runs: Sequence[SampleResults]) -> None:
    """Refuse what cannot be compared."""
    wanted = digest_of(runs[0].ids)
    for path, run in zip(paths, runs):
        if digest_of(run.ids) != wanted:
            lacks, more = (sorted(a - b)[:3] for a, b in (
                (set(runs[0].ids), set(run.ids)),
                (set(run.ids), set(runs[0].ids))))
            raise DataError(
                f'{path} is about other samples than {paths[0]} '
                f'({len(run.ids)} and {len(runs[0].ids)}): it lacks '
                f'{lacks or "none"}, has {more or "none"} more. Test all '
                'models on the same data set')
        for key, what in SAME.items():
            if run.about.get(key) != runs[0].about.get(key):
                raise DataError(
                    f'{path} and {paths[0]} were tested with different '
                    f'{what}: {run.about.get(key)} and '
                    f'{runs[0].about.get(key)}')
    precisions = {run.about.get('precision') for run in runs}
    if len(precisions) > 1:
        logging.getLogger(__name__).warning(
            'the runs were tested in different precisions (%s): a few '
            'answers may differ for that reason alone',
            ', '.join(sorted(map(str, precisions))))


def table(report: dict[str, Any]) -> str:
    """Put a report into lines for people."""
    lines = [f'{report["samples"]:,} samples; accuracies in percent']
    for name, values, mean, deviation in zip(
            *(report[key] for key in ('names', 'values', 'mean',
                                      'deviation'))):
        listed = ' '.join(f'{value:.2f}' for value in values)
        spread = f' +- {deviation:.2f}' if len(values) > 1 else ''
        lines.append(f'  {name}: {mean:.2f}{spread}   ({listed})')
    lines.append(f'difference (second - first): {report["difference"]:+.2f}')
    for number, pair in enumerate(report['over_samples']):
        lines.append(
            f'  test noise, pair {number}: {pair["difference"]:+.2f}, 95 % '
            f'[{pair["low"]:+.2f}, {pair["high"]:+.2f}], McNemar p '
            f'{pair["p_value"]:.3g} ({pair["only_first"]} right in the first '
            f'alone, {pair["only_second"]} in the second)')
    over_seeds = report['over_seeds']
    if over_seeds is None:
        lines.append('  training noise: one run a side, so it is not known')
    else:
        wins = '' if report['wins'] is None else (
            f', second better in {report["wins"]} of '
            f'{len(report["values"][0])}')
        lines.append(
            f'  training noise: 95 % [{over_seeds["low"]:+.2f}, '
            f'{over_seeds["high"]:+.2f}] over seeds, t test p '
            f'{over_seeds["p_value"]:.3g}{wins}')
    both = report['over_both']
    lines.append(f'  both: 95 % [{both["low"]:+.2f}, {both["high"]:+.2f}]')
    lines.append(f'Verdict on the second: {both["verdict"]} (a difference of '
                 f'about {both["shows"]:.2f} could be shown here)')
    return '\n'.join(lines)
