"""The outcome of a study: a table, a plot and plain values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .compare import SeedComparison, both_noises, compare_seeds
from .results import SampleResults

BLOCK = 'block'


class Outcome(NamedTuple):
    """What one run ended with.

    Args:
        variant: ``'block'`` or the name of a control.
        seed: Of the training.
        value: Of the chosen metric.
        built_in: What its checkpoint says was in the block's place.
        results: Its answers, sample by sample, if they were kept.
    """

    variant: str
    seed: int
    value: float
    built_in: str
    results: SampleResults | None = None


def report(outcomes: Sequence[Outcome], metric: str,
           lower_is_better: bool = False) -> dict[str, Any]:
    """Compare the block with each control, over the seeds that both have.

    Args:
        outcomes: All runs that are done.
        metric: Name of the metric, for the headings.
        lower_is_better: Whether a smaller value is the better one.

    Returns:
        dict: ``rows``, one a variant, in the order of their first runs.
    """
    sign = -1 if lower_is_better else 1
    variants = list(dict.fromkeys(o.variant for o in outcomes))
    by_seed = {name: {o.seed: o for o in outcomes if o.variant == name}
               for name in variants}
    rows = []
    for name in variants:
        runs = by_seed[name]
        values = [runs[seed].value for seed in sorted(runs)]
        row = dict(
            variant=name, seeds=sorted(runs), values=values,
            mean=float(np.mean(values)),
            deviation=float(np.std(values, ddof=1)) if len(values) > 1 else (
                None),
            built_in=sorted({o.built_in for o in runs.values()}))
        if name != BLOCK and BLOCK in by_seed:
            row.update(_against(runs, by_seed[BLOCK], sign))
        rows.append(row)
    return dict(metric=metric, lower_is_better=lower_is_better, rows=rows)


def _against(control: dict[int, Outcome], block: dict[int, Outcome],
             sign: int) -> dict[str, Any]:
    """How the block does against one control."""
    shared = sorted(control.keys() & block.keys())
    if not shared:
        return dict(difference=None, verdict='no seed in common')
    pairs = [(control[seed], block[seed]) for seed in shared]
    found = compare_seeds([a.value for a, _ in pairs],
                          [b.value for _, b in pairs])
    row = dict(difference=found.difference, wins=_wins(found, sign),
               shared_seeds=shared)
    if found.interval is None:
        return dict(row, verdict='one seed: nothing can be said of training '
                    'noise')
    low, high = found.interval
    if sign < 0:
        verdict = {'better': 'worse', 'worse': 'better'}.get(
            found.interval.verdict(), found.interval.verdict())
    else:
        verdict = found.interval.verdict()
    row.update(low=low, high=high, p_value=found.p_value, verdict=verdict)
    if all(a.results and b.results and a.results.ids == b.results.ids
           for a, b in pairs):
        joint = both_noises(*(np.stack([run.results.correct for run in side])
                              for side in zip(*pairs)))
        row['with_test_noise'] = [100 * joint.low, 100 * joint.high]
    return row


def _wins(found: SeedComparison, sign: int) -> int:
    return sum(sign * (b - a) > 0 for a, b in zip(found.first, found.second))


def table(found: dict[str, Any]) -> str:
    """Put a report into lines for people."""
    lines = [f'{found["metric"]}'
             + (' (lower is better)' if found['lower_is_better'] else '')]
    width = max(len(row['variant']) for row in found['rows'])
    for row in found['rows']:
        spread = ('' if row['deviation'] is None else
                  f' +- {row["deviation"]:.3g}')
        listed = ', '.join(f'{value:.2f}' for value in row['values'])
        lines.append(f'  {row["variant"]:{width}}  {row["mean"]:.2f}{spread}'
                     f'  ({listed}; seeds {row["seeds"]})')
    lines.append('the block against (block - control, 95 % over seeds):')
    for row in found['rows']:
        if row['variant'] == BLOCK:
            continue
        text = f'  {row["variant"]:{width}}  '
        if row.get('difference') is not None:
            text += f'{row["difference"]:+.2f}'
        if 'low' in row:
            text += (f' [{row["low"]:+.2f}, {row["high"]:+.2f}], better in '
                     f'{row["wins"]} of {len(row["shared_seeds"])}')
        if 'with_test_noise' in row:
            low, high = row['with_test_noise']
            text += f', with test noise [{low:+.2f}, {high:+.2f}]'
        lines.append(f'{text}: {row.get("verdict", "not compared")}')
    lines.append('built in, as their checkpoints say:')
    lines += [f'  {row["variant"]:{width}}  {"; ".join(row["built_in"])}'
              for row in found['rows']]
    return '\n'.join(lines)


def draw(found: dict[str, Any], out: Path) -> None:
    """Plot every run, and the mean of each variant."""
    from matplotlib.figure import Figure
    rows = found['rows']
    figure = Figure((6, 1 + .5 * len(rows)), layout='constrained')
    axes = figure.subplots()
    for place, row in enumerate(rows):
        colour = 'tab:red' if row['variant'] == BLOCK else 'tab:blue'
        axes.plot(row['values'], [place] * len(row['values']), 'o',
                  color=colour, alpha=.5)
        axes.plot([row['mean']], [place], '|', color=colour, markersize=22,
                  markeredgewidth=2)
    axes.set_yticks(range(len(rows)), [row['variant'] for row in rows])
    axes.invert_yaxis()
    axes.margins(y=.25)
    axes.grid(axis='x', alpha=.3)
    axes.set_xlabel(f'{found["metric"]}: dots are seeds, bars their means')
    figure.savefig(out, dpi=150)
