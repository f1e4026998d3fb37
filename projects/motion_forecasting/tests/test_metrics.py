"""Golden numbers of the metrics, and the files for the servers."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from lm4ve_motion.evaluation import (
    Argoverse1Submission,
    Argoverse2Submission,
    ForecastMetric,
    constant_velocity,
    score_scene,
)
from pyarrow import parquet

from lm4ve_mm.utils.errors import ConfigError, DataError

T = np.arange(30.)
TRUTH = np.stack([T, .1 * T**2], 1)


def shifted(y):
    return TRUTH + np.stack([0 * T, y + 0 * T], 1)


LATE = TRUTH.copy()
LATE[-1, 0] += 2.001
GUESSES = np.stack([shifted(1.), shifted(np.linspace(3, .5, 30)), LATE])
CHANCES = np.array([.2, .3, .5])


def test_golden_of_three():
    """Check 12: the average is that of the guess with the best end."""
    found = score_scene(GUESSES, TRUTH, CHANCES, 3)
    wanted = {'minADE': 1.75, 'minFDE': .5, 'MR': 0., 'p-minADE': 2.953973,
              'p-minFDE': 1.703973, 'p-MR': .7, 'brier-minADE': 2.24,
              'brier-minFDE': .99}
    assert found == pytest.approx(wanted, abs=1e-6)


def test_golden_of_one():
    found = score_scene(GUESSES, TRUTH, CHANCES, 1)
    assert found['minADE'] == pytest.approx(2.001 / 30)
    assert found['minFDE'] == pytest.approx(2.001)
    assert found['MR'] == 1 and found['p-MR'] == 1
    # Of one guess there is no doubt.
    assert found['brier-minFDE'] == pytest.approx(2.001)
    assert score_scene(GUESSES, TRUTH, None, 1) == dict(
        minADE=1., minFDE=1., MR=0.)


def test_lowest_average():
    found = score_scene(GUESSES, TRUTH, CHANCES, 3, ade_of='lowest')
    assert found['minADE'] == pytest.approx(2.001 / 30)
    assert found['minFDE'] == .5


def test_two_metres_are_a_hit():
    end = TRUTH.copy()
    end[-1, 1] += 2
    assert score_scene(end[None], TRUTH)['MR'] == 0
    end[-1, 1] += 1e-9
    assert score_scene(end[None], TRUTH)['MR'] == 1


def test_argoverse_api_case():
    """Check 13: a threshold of one metre, probabilities .8 and .2."""
    truth = np.stack([np.arange(30.), np.zeros(30)], 1)
    one = truth + (0, 1)
    far = truth + (0, 3.23)
    far[-1] = truth[-1] + (0, 11.31)
    far[:-1, 1] = (3.23 * 30 - 11.31) / 29
    found = score_scene(np.stack([one, far]), truth, np.array([.8, .2]), 2,
                        miss_threshold=1.)
    assert [found[name] for name in (
        'minADE', 'minFDE', 'MR', 'p-minADE', 'p-minFDE', 'p-MR')
    ] == pytest.approx([1, 1, 0, 1.22, 1.22, .2], abs=5e-3)
    second = score_scene(far[None], truth, None, 1, miss_threshold=1.)
    assert second == pytest.approx(dict(minADE=3.23, minFDE=11.31, MR=1.))


@pytest.mark.parametrize('guess, truth, ade, fde', [
    ((np.ones((60, 2))), np.zeros((60, 2)), 2**.5, 2**.5),
    (np.stack([np.arange(10.), np.zeros(10)], 1), np.zeros((10, 2)), 4.5, 9),
    (np.stack([np.arange(10.)] * 2, 1), np.zeros((10, 2)), 6.36396103,
     9 * 2**.5)])
def test_av2_cases(guess, truth, ade, fde):
    """Check 14."""
    found = score_scene(guess[None], truth)
    assert (found['minADE'], found['minFDE']) == pytest.approx((ade, fde))


def test_small_probabilities_cost_no_more_than_a_twentieth():
    found = score_scene(GUESSES, TRUTH, np.array([.49, .02, .49]), 3)
    assert found['p-minFDE'] == pytest.approx(.5 - np.log(.05))


def test_logits_are_refused():
    with pytest.raises(ValueError, match='no probabilities.*softmax'):
        score_scene(GUESSES, TRUTH, np.array([-1., 2, 3]), 3)


def test_equal_probabilities_keep_their_order():
    found = score_scene(GUESSES, TRUTH, np.full(3, 1 / 3), 1)
    assert found['minFDE'] == 1.


def test_constant_velocity():
    past = np.array([[0., 0], [1, 0], [3, 0]])
    assert constant_velocity(past, 2).tolist() == [[4.5, 0], [6, 0]]
    assert constant_velocity(past, 2, steps=1).tolist() == [[5, 0], [7, 0]]


def sample(guesses=GUESSES, truth=TRUTH, scene_id='7', city='MIA',
           known=True):
    return dict(
        pred_trajs=torch.tensor(guesses), pred_scores=torch.tensor(CHANCES),
        gt_trajs=torch.tensor(np.stack([truth, truth + 99])),
        gt_mask=torch.full((2, len(truth)), known), scene_id=scene_id,
        city=city, track_id='42')


def test_metric_is_the_mean_over_scenes():
    metric = ForecastMetric(num_guesses=(1, 3))
    metric.process(None, [sample()])
    metric.process(None, [sample(GUESSES + 10), sample()])
    found = metric.evaluate(3)
    far = 10 * 2**.5
    assert found['forecast/MR_3'] == pytest.approx(1 / 3)
    assert found['forecast/MR_1'] == 1
    scored = score_scene(GUESSES + 10, TRUTH, CHANCES, 3)
    assert scored['minFDE'] == pytest.approx(far, abs=.8)
    assert found['forecast/minFDE_3'] == pytest.approx(
        (.5 + scored['minFDE'] + .5) / 3)
    assert 'forecast/DAC_3' not in found
    assert ForecastMetric(prefix='val').prefix == 'val'


def test_metric_needs_a_future():
    metric = ForecastMetric()
    with pytest.raises(DataError, match='scene 7 is not known.*Argoverse1S'):
        metric.process(None, [sample(known=False)])


def test_unknown_variant():
    with pytest.raises(ValueError, match="best_fde or lowest, not 'mean'"):
        ForecastMetric(ade_of='mean')


def test_drivable_area(tmp_path, cases):
    """The share of guesses that stay where cars may drive."""
    from lm4ve_motion.datasets.argoverse1_files import (
        write_argoverse1_map,
        write_drivable_area,
    )
    write_argoverse1_map(tmp_path, 'MIA', cases.some_lanes(), {})
    raster = np.ones((200, 200))
    raster[:, 60:] = 0  # nothing beyond x = 59
    write_drivable_area(tmp_path, 'MIA', raster, (0, 0))
    moved = GUESSES + 10
    moved[1, 15, 0] = 75
    metric = ForecastMetric(num_guesses=(1, 2, 6), map_root=str(tmp_path))
    metric.process(None, [sample(moved)])
    found = metric.evaluate(1)
    # The most likely first: guess 2, then 1, then 0.
    assert found['forecast/DAC_1'] == 1
    assert found['forecast/DAC_2'] == .5
    assert found['forecast/DAC_6'] == pytest.approx(2 / 3)


def test_argoverse1_submission(tmp_path):
    path = tmp_path / 'new/one.h5'
    metric = Argoverse1Submission(str(path), num_guesses=2)
    metric.process(None, [sample(known=False), sample(scene_id='211999')])
    assert metric.evaluate(2) == {'submission/scenes': 2.}
    with h5py.File(path) as file:
        rows = file['argoverse_forecasting'][()]
    assert rows.shape == (2 * 2 * 30, 4)
    assert rows[0, 0] == 7 and rows[-1, 0] == 211999
    assert np.array_equal(rows[:30, 1:3], LATE)
    assert np.array_equal(rows[30:60, 1:3], GUESSES[1])
    assert rows[:60, 3] == pytest.approx(np.repeat([.625, .375], 30))


def test_submission_of_another_length(tmp_path):
    metric = Argoverse2Submission(str(tmp_path / 'one.parquet'))
    with pytest.raises(ConfigError, match='predicts 30 steps, .* takes 60'):
        metric.process(None, [sample()])


def long_sample(scene_id='a'):
    guesses = np.concatenate([GUESSES, GUESSES + 3], 1)
    return sample(guesses, np.concatenate([TRUTH, TRUTH + 3]), scene_id)


def test_argoverse2_submission(tmp_path):
    path = tmp_path / 'one.parquet'
    metric = Argoverse2Submission(str(path))
    metric.process(None, [long_sample('a'), long_sample('b')])
    metric.evaluate(2)
    lines = parquet.read_table(path).to_pylist()
    assert [line['scenario_id'] for line in lines] == ['a'] * 3 + ['b'] * 3
    assert lines[0]['track_id'] == '42'
    assert [line['probability'] for line in lines[:3]] == [.5, .3, .2]
    assert np.array_equal(lines[2]['predicted_trajectory_y'][:30],
                          GUESSES[0, :, 1])


AV2 = """
import sys
import numpy as np
from pathlib import Path
from av2.datasets.motion_forecasting.eval import metrics
from av2.datasets.motion_forecasting.eval.submission import (
    ChallengeSubmission)

data = np.load(sys.argv[1])
out = [[metrics.compute_ade(t, g), metrics.compute_fde(t, g),
        metrics.compute_is_missed_prediction(t, g, 2.0),
        metrics.compute_brier_fde(t, g, p, normalize=True)]
       for t, g, p in zip(data['trajs'], data['truths'], data['chances'])]
read = ChallengeSubmission.from_parquet(Path(sys.argv[3])).predictions
np.savez(sys.argv[2], scored=np.array(out, float),
         first=read['a'][1]['42'][0], chances=read['a'][0])
"""


@pytest.mark.slow
def test_av2_agrees(tmp_path):
    """An independent oracle: the metrics of the ``av2`` wheel.

    ``LM4VE_AV2`` names a folder with the unpacked wheels av2,
    universal_pathlib and pathlib_abc.
    """
    wheel = Path(os.environ.get('LM4VE_AV2', '/nowhere'))
    if not (wheel / 'av2').is_dir():
        pytest.skip('LM4VE_AV2 does not name a folder with the package av2')
    rng = np.random.default_rng(0)
    trajs = rng.normal(0, 2, (20, 6, 60, 2)).cumsum(2) / 4
    truths = trajs[:, 0] + rng.normal(0, 1, (20, 60, 2))
    chances = rng.dirichlet(np.ones(6), 20)
    np.savez(tmp_path / 'in.npz', trajs=trajs, truths=truths,
             chances=chances)
    metric = Argoverse2Submission(str(tmp_path / 's.parquet'))
    metric.process(None, [long_sample('a')])
    metric.evaluate(1)
    (tmp_path / 'run.py').write_text(AV2)
    subprocess.run(
        [sys.executable, str(tmp_path / 'run.py'), str(tmp_path / 'in.npz'),
         str(tmp_path / 'out.npz'), str(tmp_path / 's.parquet')],
        check=True, env=dict(os.environ, PYTHONPATH=str(wheel)))
    out = np.load(tmp_path / 'out.npz')
    assert np.array_equal(out['first'], long_sample()['pred_trajs'][2])
    assert out['chances'].tolist() == [.5, .3, .2]
    for scored, *scene in zip(out['scored'], trajs, truths, chances):
        ade, fde, missed, brier = scored
        best = fde.argmin()
        found = score_scene(*scene)
        assert found['minADE'] == pytest.approx(ade[best])
        assert found['minFDE'] == pytest.approx(fde[best])
        assert found['MR'] == missed[best]
        assert found['brier-minFDE'] == pytest.approx(brier[best])
        lowest = score_scene(*scene, ade_of='lowest')
        assert lowest['minADE'] == pytest.approx(ade.min())
