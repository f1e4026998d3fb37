"""Is the difference between two models real? Statistics of paired results.

Two kinds of noise are kept apart: which samples happen to be in the test set
(McNemar's test and the bootstrap over samples), and which seed a training
happened to have (the t interval over seeds).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 10_000
LEVEL = 0.95


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float

    @property
    def reach(self) -> float:
        """Half of its width: the smallest difference it could show."""
        return (self.high - self.low) / 2

    def verdict(self) -> str:
        """What may be said of a difference with this interval."""
        if self.low > 0:
            return 'better'
        return 'worse' if self.high < 0 else 'no difference shown'


class PairComparison(NamedTuple):
    """One model against another, on the same samples. Shares, 0 to 1.

    Args:
        accuracy: Of the first and of the second model.
        wilson: Their intervals, each for itself.
        difference: Second minus first.
        count: Number of samples.
        only_first, only_second: What one has right and the other wrong.
        p_value: Of McNemar's exact test.
        interval: Of the difference, over the choice of samples.
    """

    accuracy: tuple[float, float]
    wilson: tuple[Interval, Interval]
    difference: float
    count: int
    only_first: int
    only_second: int
    p_value: float
    interval: Interval


class SeedComparison(NamedTuple):
    """Several runs of one model against several of another.

    Args:
        first, second: The values, in the order of the seeds.
        mean: Of each.
        deviation: Of each: standard deviation with n - 1 (NaN of one run).
        difference: Mean of second minus first.
        interval: t interval of the difference over seeds, None of one run.
        p_value: Of the t test; None of one run.
        wins: In how many pairs the second is better; None if not paired.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]
    mean: tuple[float, float]
    deviation: tuple[float, float]
    difference: float
    interval: Interval | None
    p_value: float | None
    wins: int | None


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's exact test: two-sided p of the discordant counts."""
    total = only_first + only_second
    if not total:
        return 1.
    return float(stats.binomtest(min(only_first, only_second), total).pvalue)


def wilson(right: int, count: int, level: float = LEVEL) -> Interval:
    """Wilson's interval of a share."""
    found = stats.binomtest(right, count).proportion_ci(level, 'wilson')
    return Interval(float(found.low), float(found.high))


def paired_interval(only_first: int, only_second: int, count: int,
                    level: float = LEVEL, seed: int = 0,
                    resamples: int = RESAMPLES) -> Interval:
    """Percentile bootstrap of a difference of two accuracies.

    A resampled difference depends on three counts alone, which are drawn
    from their multinomial distribution: the same as resampling the samples.
    """
    shares = np.array([only_first, only_second,
                       count - only_first - only_second]) / count
    drawn = np.random.default_rng(seed).multinomial(count, shares, resamples)
    return _percentiles((drawn[:, 1] - drawn[:, 0]) / count, level)


def compare_pair(first: np.ndarray, second: np.ndarray,
                 level: float = LEVEL, seed: int = 0) -> PairComparison:
    """Compare two models on the same samples.

    Args:
        first: (N, ) bool, what the first model has right.
        second: (N, ) bool, in the same order.
        level: Of the intervals.
        seed: Of the bootstrap.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError('the models have to be tested on the same samples, '
                         f'got shapes {first.shape} and {second.shape}')
    count = len(first)
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    return PairComparison(
        (float(first.mean()), float(second.mean())),
        (wilson(int(first.sum()), count, level),
         wilson(int(second.sum()), count, level)),
        (only_second - only_first) / count, count, only_first, only_second,
        mcnemar(only_first, only_second),
        paired_interval(only_first, only_second, count, level, seed))


def compare_seeds(first: Sequence[float], second: Sequence[float],
                  paired: bool = True,
                  level: float = LEVEL) -> SeedComparison:
    """Compare runs with several seeds.

    Args:
        first: One value a run.
        second: The same of the other model.
        paired: Whether runs in the same place share their seed; otherwise
            Welch's test is used.
        level: Of the interval.
    """
    one, two = np.asarray(first, float), np.asarray(second, float)
    if paired and one.shape != two.shape:
        raise ValueError(f'paired runs need as many of each, got {len(one)} '
                         f'and {len(two)}')
    interval, p_value = None, None
    if len(one) > 1 and len(two) > 1:
        found = (stats.ttest_rel(two, one) if paired else
                 stats.ttest_ind(two, one, equal_var=False))
        p_value = float(found.pvalue)
        # Equal differences, such as of one model with itself.
        if np.isnan(p_value):
            p_value = 1.
            interval = Interval(0., 0.)
        else:
            low, high = found.confidence_interval(level)
            interval = Interval(float(low), float(high))
    return SeedComparison(
        tuple(one.tolist()), tuple(two.tolist()),
        (float(one.mean()), float(two.mean())),
        (_deviation(one), _deviation(two)), float(two.mean() - one.mean()),
        interval, p_value, int((two > one).sum()) if paired else None)


def both_noises(first: np.ndarray, second: np.ndarray, level: float = LEVEL,
                seed: int = 0, resamples: int = 2_000) -> Interval:
    """Two-level bootstrap: seeds are drawn, then samples.

    The same samples are drawn for both models, so that what is hard for both
    does not count as noise.

    Args:
        first: (runs, N) bool, what each run of the first model has right.
        second: (runs, N) of the second.
        level: Of the interval.
        seed: Of the bootstrap.
        resamples: How many draws.
    """
    generator = np.random.default_rng(seed)
    one, two = np.asarray(first, float), np.asarray(second, float)
    count = one.shape[1]
    drawn = np.empty(resamples)
    for k in range(resamples):
        runs = generator.integers(len(one), size=len(one))
        others = (runs if len(one) == len(two) else
                  generator.integers(len(two), size=len(two)))
        samples = np.bincount(
            generator.integers(count, size=count), minlength=count)
        drawn[k] = ((two[others].mean(0) - one[runs].mean(0)) @ samples
                    ) / count
    return _percentiles(drawn, level)


def grouped_interval(differences: np.ndarray, groups: Sequence[str],
                     level: float = LEVEL, seed: int = 0) -> Interval:
    """Bootstrap over groups of samples that are not independent.

    The 75 corrupted versions of one photograph are one group: drawing them
    one by one would make the interval far too narrow.

    Args:
        differences: (N, ) second minus first, of each sample.
        groups: Name of each sample's group.
        level: Of the interval.
        seed: Of the bootstrap.
    """
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(index, weights=np.asarray(differences, float))
    counts = np.bincount(index)
    generator = np.random.default_rng(seed)
    drawn = np.empty(RESAMPLES)
    for k in range(RESAMPLES):
        chosen = generator.integers(len(counts), size=len(counts))
        drawn[k] = sums[chosen].sum() / counts[chosen].sum()
    return _percentiles(drawn, level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for having looked at several test sets."""
    order = np.argsort(p_values)
    corrected = np.empty(len(order))
    highest = 0.
    for rank, place in enumerate(order):
        highest = max(highest, (len(order) - rank) * p_values[place])
        corrected[place] = min(1., highest)
    return corrected.tolist()


def _percentiles(drawn: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float('nan')
