"""Paired comparison of models, with the specification's golden numbers."""

import numpy as np
import pytest

from lm4ve_mm.analysis.compare import (
    both_noises,
    compare_pair,
    compare_seeds,
    grouped_interval,
    holm,
    mcnemar,
    paired_interval,
    wilson,
)

A = (80.1, 80.3, 79.9, 80.2, 80.0)
B = (80.7, 80.6, 80.5, 80.9, 80.4)


def answers(both, only_first, only_second, neither):
    """Two models' answers with these counts."""
    counts = (both, only_first, only_second, neither)
    first = np.repeat([True, True, False, False], counts)
    second = np.repeat([True, False, True, False], counts)
    return first, second


def test_golden_pair():
    found = compare_pair(*answers(3990, 60, 90, 860))
    assert found.accuracy == (.81, .816)
    assert found.difference == pytest.approx(.006)
    assert (found.only_first, found.only_second) == (60, 90)
    assert found.p_value == pytest.approx(.0175977, abs=1e-7)
    # scipy's bootstrap with 2,000 draws gives 0.0010 and 0.0108.
    assert found.interval.low == pytest.approx(.0012, abs=3e-4)
    assert found.interval.high == pytest.approx(.0108, abs=3e-4)
    assert found.interval.verdict() == 'better'


def test_golden_seeds():
    found = compare_seeds(A, B)
    assert found.difference == pytest.approx(.52)
    assert np.std(np.subtract(B, A), ddof=1) == pytest.approx(.164317, 1e-5)
    assert found.p_value == pytest.approx(.0021048, abs=1e-7)
    assert found.interval.low == pytest.approx(.31597, abs=1e-5)
    assert found.interval.high == pytest.approx(.72403, abs=1e-5)
    assert found.wins == 5


def test_swapped_models_change_the_sign():
    first, second = answers(300, 20, 45, 35)
    one, other = compare_pair(first, second), compare_pair(second, first)
    assert one.difference == -other.difference
    assert one.p_value == other.p_value
    assert one.interval.verdict() == 'better'
    assert other.interval.verdict() == 'worse'
    assert compare_seeds(B, A).interval.low == pytest.approx(-.72403, 1e-4)


def test_identical_models():
    first, _ = answers(300, 20, 45, 35)
    found = compare_pair(first, first)
    assert found.difference == 0 and found.p_value == 1
    assert tuple(found.interval) == (0, 0)
    assert found.interval.verdict() == 'no difference shown'
    same = compare_seeds(A, A)
    assert same.p_value == 1 and tuple(same.interval) == (0, 0)


def test_order_of_the_samples_does_not_matter():
    first, second = answers(300, 20, 45, 35)
    order = np.random.default_rng(0).permutation(len(first))
    assert compare_pair(first[order], second[order]) == compare_pair(
        first, second)


def test_one_run_has_no_interval():
    found = compare_seeds(A[:1], B[:1])
    assert found.interval is None and found.p_value is None
    assert np.isnan(found.deviation).all()


def test_runs_that_are_no_pairs():
    found = compare_seeds(A, B[:3], paired=False)
    assert found.wins is None and found.interval.low > 0
    with pytest.raises(ValueError, match='as many of each, got 5 and 3'):
        compare_seeds(A, B[:3])


def test_interval_covers_the_truth():
    """In 93 to 97 of 100 test sets, as it promises."""
    generator = np.random.default_rng(0)
    inside = 0
    for _ in range(500):
        counts = generator.multinomial(1000, [.70, .08, .11, .11])
        low, high = paired_interval(counts[1], counts[2], 1000,
                                    resamples=500)
        inside += low <= .03 <= high
    assert .93 <= inside / 500 <= .97


def test_seeds_widen_the_interval():
    """Runs that differ much: the samples alone would claim too much."""
    generator = np.random.default_rng(1)
    first = generator.random((3, 2000)) < np.array([[.70], [.80], [.75]])
    second = generator.random((3, 2000)) < np.array([[.82], [.72], [.80]])
    joint = both_noises(first, second)
    alone = compare_pair(first[0], second[0]).interval
    assert joint.reach > 1.5 * alone.reach
    assert joint.verdict() == 'no difference shown'


def test_versions_of_one_photograph_are_one():
    """Copies of each sample must not narrow the interval."""
    first, second = answers(300, 20, 45, 35)
    single = np.subtract(second, first, dtype=float)
    copied = np.repeat(single, 10)
    names = np.repeat(np.arange(len(single)), 10).astype(str)
    grouped = grouped_interval(copied, names)
    wanted = compare_pair(first, second).interval
    assert grouped.low == pytest.approx(wanted.low, abs=.006)
    assert grouped.high == pytest.approx(wanted.high, abs=.006)


def test_holm():
    assert holm([.01, .04, .03]) == pytest.approx([.03, .06, .06])
    assert holm([.5, .9]) == [1., 1.]


def test_oracles():
    """Statsmodels, where it is installed."""
    tables = pytest.importorskip(
        'statsmodels.stats.contingency_tables',
        reason='statsmodels is an oracle of this test alone')
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import proportion_confint
    exact = tables.mcnemar([[3990, 60], [90, 860]], exact=True)
    assert mcnemar(60, 90) == pytest.approx(exact.pvalue)
    low, high = proportion_confint(393, 397, method='wilson')
    assert tuple(wilson(393, 397)) == pytest.approx((low, high))
    values = [.01, .04, .03, .2]
    assert holm(values) == pytest.approx(multipletests(values,
                                                       method='holm')[1])
