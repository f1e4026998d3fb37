"""Tables of what the runs of a study were tested for besides."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .compare import compare_seeds
from .study_report import BLOCK


class Measured(NamedTuple):
    """What one run was measured to have in one test.

    Args:
        variant: ``'block'`` or the name of a control.
        seed: Of the training.
        test: Name of the test.
        metrics: Name -> value, greater is better.
    """

    variant: str
    seed: int
    test: str
    metrics: dict[str, float]


def tables(measured: Sequence[Measured]) -> list[dict]:
    """Compare the block with every control in every metric.

    Args:
        measured: All runs and tests.

    Returns:
        list: One row a metric: ``test``, ``metric``, ``values`` (variant ->
        values by seed) and ``verdicts`` (control -> what the interval over
        seeds allows one to say of the block).
    """
    rows: dict[tuple[str, str], dict] = {}
    for one in measured:
        for metric, value in one.metrics.items():
            if metric.endswith('/images'):
                continue
            row = rows.setdefault((one.test, metric), dict(
                test=one.test, metric=metric, values={}))
            row['values'].setdefault(one.variant, {})[one.seed] = value
    for row in rows.values():
        block = row['values'].get(BLOCK, {})
        row['verdicts'] = {
            variant: _verdict(values, block)
            for variant, values in row['values'].items() if variant != BLOCK}
    return list(rows.values())


def _verdict(control: dict[int, float], block: dict[int, float]) -> str:
    shared = sorted(control.keys() & block.keys())
    if len(shared) < 2:
        return 'not compared'
    found = compare_seeds([control[seed] for seed in shared],
                          [block[seed] for seed in shared])
    return found.interval.verdict() if found.interval else 'not compared'


def text(rows: Sequence[dict]) -> str:
    """Put the rows into lines for people: mean +- deviation over seeds."""
    variants = list(dict.fromkeys(
        variant for row in rows for variant in row['values']))
    lines, test = [], None
    for row in rows:
        if row['test'] != test:
            test = row['test']
            lines += ['', f'{test:34}' + ''.join(
                f'{variant:>15}' for variant in variants)
                + '   the block against each']
        cells = ''.join(f'{_cell(row["values"].get(variant)):>15}'
                        for variant in variants)
        said = ', '.join(f'{control}: {verdict}' for control, verdict in
                         row['verdicts'].items())
        lines.append(f'  {row["metric"]:32}{cells}   {said}')
    return '\n'.join(lines[1:])


def _cell(values: dict[int, float] | None) -> str:
    if not values:
        return '-'
    held = list(values.values())
    spread = f' +- {np.std(held, ddof=1):.1f}' if len(held) > 1 else ''
    return f'{np.mean(held):.1f}{spread}'
