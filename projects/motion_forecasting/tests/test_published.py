"""Published weights on the real data: checks 20 and 21, where both are.

``LM4VE_PUBLISHED`` names a folder with ``data/argoverse1`` as in the README
and ``checkpoints/vectornet.ckpt`` and ``checkpoints/demo.pt``.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from lm4ve_motion.datasets import read_argoverse1
from lm4ve_motion.datasets.checks import COUNTS1, check_argoverse1
from lm4ve_motion.evaluation import constant_velocity, score_scene

from lm4ve_mm import apis

CONFIGS = Path(__file__).parents[1] / 'configs'
# Config and file -> minADE, minFDE, MR (K=6), the same (K=1), DAC (K=6).
PUBLISHED = dict(
    vectornet_av1=('vectornet.ckpt', dict(
        minADE_6=.7743, minFDE_6=1.1926, MR_6=.1259, minADE_1=1.5359,
        minFDE_1=3.3735, MR_1=.5554, DAC_6=.988)),
    mmtransformer_av1=('demo.pt', dict(
        minADE_6=.709, minFDE_6=1.081, MR_6=.102)))


@pytest.fixture
def root():
    named = os.environ.get('LM4VE_PUBLISHED')
    if not named:
        pytest.skip('LM4VE_PUBLISHED names no folder with the real data and '
                    'the published weights')
    return Path(named)


@pytest.mark.slow
def test_real_data(root):
    """Check 20: counts, and what the constant velocity gives on val."""
    data = root / 'data/argoverse1'
    problems = [finding.problem for finding in check_argoverse1(data, 1000)
                if finding.problem]
    assert problems == []
    paths = sorted((data / 'val/data').glob('*.csv'))
    assert len(paths) == COUNTS1['val']
    found = []
    for path in paths[::10]:
        scene = read_argoverse1(path)
        track = scene.positions[scene.target]
        found.append(score_scene(
            constant_velocity(track[:20], 30)[None], track[20:]))
    # Of the split that Argoverse's own sample output is of, which is not
    # stated: 3.53 and 7.89.
    assert np.mean([one['minADE'] for one in found]) == pytest.approx(
        3.53, abs=.6)
    assert np.mean([one['minFDE'] for one in found]) == pytest.approx(
        7.89, abs=1.2)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize('name', PUBLISHED)
def test_published_weights(root, name, tmp_path):
    """Check 21: the published figures, within 0.002."""
    file, wanted = PUBLISHED[name]
    path = CONFIGS / f'{name}.py'
    args = apis.testing_parser().parse_args(
        [str(path), str(root / 'checkpoints' / file), '--work-dir',
         str(tmp_path)])
    cfg = apis.configure_testing(apis.load_config(path), args)
    data = root / 'data/argoverse1'
    cfg.test_dataloader.dataset.update(
        data_root=str(data), map_root=str(data / 'map_files'))
    cfg.test_evaluator.map_root = str(data / 'map_files')
    found = apis.load_strictly(apis.build_runner(cfg)).test()
    for measure, value in wanted.items():
        assert found[f'forecast/{measure}'] == pytest.approx(
            value, abs=.002), measure
