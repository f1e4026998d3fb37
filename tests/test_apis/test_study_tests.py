"""What a study tests besides, and the tables of it."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.analysis import study_tables
from lm4ve_mm.analysis.study_tables import Measured
from lm4ve_mm.apis import study, study_tests
from lm4ve_mm.utils.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / 'configs'
LEAF = CONFIGS / 'vit_tiny_minilm_photo_digits.py'
TINY = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))


def small(path):
    """A block of width 32, twelve images."""
    cfg = apis.load_config(path)
    cfg.model.neck.llm = TINY
    cfg.test_dataloader.dataset.indices = 12
    return cfg


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Two variants with untrained weights, as if they were trained."""
    folder = tmp_path_factory.mktemp('study')
    runs = study.plan(small(LEAF), ['host'], [0], folder)
    for run in runs:
        run.folder.mkdir()
        torch.manual_seed(0)
        model = apis.build_model(Config.fromfile(run.config))
        torch.save(dict(state_dict=model.state_dict()),
                   run.folder / 'epoch_6.pth')
        (run.folder / 'last_checkpoint').write_text('epoch_6.pth')
        (run.folder / study.METRICS).write_text('{"accuracy/top1": 1.0}')
    return runs


def test_an_attack_and_filtering(runs):
    tests = dict(fgsm=small(
        CONFIGS / f'robustness/{LEAF.stem}_fgsm.py'))
    said = []
    study_tests.also_test(runs, tests, said.append)
    study_tests.look_into(runs, 5, said.append)
    assert said == ['block, seed 0: fgsm done', 'host, seed 0: fgsm done',
                    'block, seed 0: filtering done',
                    'host, seed 0: filtering done']
    study_tests.also_test(runs, tests, said.append)
    study_tests.look_into(runs, 5, said.append)
    assert len(said) == 4  # nothing is tested twice
    block, host = study_tests.read_measured(runs, ['filtering'])
    assert block.variant == 'block'
    for name in ('random', 'pixels', 'centre', 'all_foreground'):
        # Of the images, whatever the model.
        assert block.metrics[f'baseline/{name}'] == host.metrics[
            f'baseline/{name}']
    assert host.metrics['output/magnitude'] == host.metrics['host/magnitude']
    assert block.metrics['output/frequency'] == block.metrics[
        'map_out/frequency']
    held = json.loads((runs[1].folder / 'metrics_fgsm.json').read_text())
    assert set(held) == {'clean/accuracy/top1', 'fgsm/accuracy/top1'}


def test_the_model_has_to_be_that_of_the_study():
    cfg = apis.load_config(LEAF)
    corrupted = CONFIGS / f'robustness/{LEAF.stem}_corrupted.py'
    assert list(study_tests.read_tests([str(corrupted)], cfg)) == [
        corrupted.stem]
    with pytest.raises(ConfigError, match='not that of the study'):
        study_tests.read_tests(
            [str(CONFIGS / 'vit_tiny_minilm_digits.py')], cfg)


def test_tables():
    held = [Measured(variant, seed, 'test', dict(value=value + seed / 10))
            for variant, value in (('block', 5.), ('host', 3.))
            for seed in (0, 1, 2)]
    held.append(Measured('host', 0, 'test', {'alone': 1., 'x/images': 3}))
    value, alone = study_tables.tables(held)
    assert value['values']['block'] == pytest.approx({0: 5, 1: 5.1, 2: 5.2})
    assert value['verdicts'] == dict(host='better')
    assert alone['verdicts'] == dict(host='not compared')
    lines = study_tables.text([value, alone]).splitlines()
    assert lines[0].split()[:3] == ['test', 'block', 'host']
    assert '5.1 +- 0.1' in lines[1] and 'host: better' in lines[1]
    assert lines[2].split()[:3] == ['alone', '-', '1.0']
