"""From two files of results to a verdict."""

import numpy as np
import pytest

from lm4ve_mm.analysis.comparison_report import compare_files, table
from lm4ve_mm.analysis.results import collect, write_results
from lm4ve_mm.utils.errors import DataError


@pytest.fixture
def files(tmp_path):
    """Writes runs: name -> accuracy, of 400 samples."""

    def write(name, accuracies, count=400, **about):
        paths = []
        for seed, accuracy in enumerate(accuracies):
            # The hard samples are hard for all.
            right = np.arange(count) < round(accuracy * count)
            held = collect([f'img/{k}.png' for k in range(count)], right, dict(
                config=name, seed=seed, dataset='D', pipeline_sha256='p',
                precision='fp32', tta=False, **about))
            paths.append(str(tmp_path / f'{name}_{seed}.json'))
            write_results(paths[-1], held)
        return paths

    return write


def test_a_clear_difference(files):
    report = compare_files(files('host', (.80, .81, .80)),
                           files('block', (.90, .91, .91)))
    assert report['names'] == ['host', 'block']
    assert report['difference'] == pytest.approx(10.3333, abs=1e-3)
    assert report['over_seeds']['verdict'] == 'better'
    assert report['over_both']['verdict'] == 'better'
    first = report['over_samples'][0]
    assert (first['only_first'], first['only_second']) == (0, 40)
    text = table(report)
    assert 'host: 80.33 +- 0.58   (80.00 81.00 80.00)' in text
    assert 'second better in 3 of 3' in text
    assert 'Verdict on the second: better' in text


def test_one_run_says_nothing_of_training(files):
    report = compare_files(files('a', (.80, )), files('b', (.805, )))
    assert report['over_seeds'] is None
    assert 'it is not known' in table(report)
    assert 'no difference shown' in table(report)


def test_different_numbers_of_runs(files):
    report = compare_files(files('a', (.80, .81)), files('b', (.9, .91, .9)))
    assert not report['paired'] and report['wins'] is None
    assert report['over_samples'] == []
    assert report['over_seeds']['verdict'] == 'better'


def test_other_samples_are_refused(files):
    with pytest.raises(DataError, match=r"lacks \['398.png', '399.png'\]"):
        compare_files(files('a', (.5, )), files('b', (.5, ), count=398))


def test_another_pipeline_is_refused(files, tmp_path):
    one, two = files('a', (.5, )), files('b', (.5, ))
    held = compare_files(one, two)
    assert held['difference'] == 0
    other = collect([f'img/{k}.png' for k in range(400)], np.ones(400, bool),
                    dict(dataset='D', pipeline_sha256='q', tta=False))
    write_results(tmp_path / 'c.json', other)
    with pytest.raises(DataError, match='different test pipelines: q and p'):
        compare_files(one, [str(tmp_path / 'c.json')])
