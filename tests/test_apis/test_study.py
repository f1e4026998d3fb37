"""Studies: planned, carried out, stopped, gone on with and reported.

The tools are replaced by scripts of a few lines, so that a study takes a
second; a slow test runs a true one.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from lm4ve_mm.analysis import study_report
from lm4ve_mm.apis import study
from lm4ve_mm.apis.study_outcomes import read_outcomes
from lm4ve_mm.llm.weights.identity import BlockIdentity
from lm4ve_mm.utils.errors import ConfigError, DataError

ROOT = Path(__file__).parents[2]
CONFIG = Config(dict(
    model=dict(neck=dict(llm=dict(checkpoint='nowhere'))), lr=1))

TRAIN = """
import pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])
with open(folder.parent / 'trained.txt', 'a') as file:
    print(folder.name, file=file)
if (folder.parent / 'fail').exists() and 'random_seed1' in folder.name:
    sys.exit('the disk is full')
(folder / 'last_checkpoint').write_text('/elsewhere/epoch_2.pth')
"""
TEST = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])
name = out.parent.name
value = dict(block=90, host=80, random=85)[name.split('_')[0]] + int(name[-1])
out.write_text(json.dumps({'accuracy/top1': value, 'loss': 1.}))
"""


@pytest.fixture
def tools(tmp_path):
    folder = tmp_path / 'tools'
    folder.mkdir()
    (folder / 'train.py').write_text(TRAIN)
    (folder / 'test.py').write_text(TEST)
    return study.Launch(folder, results=False)


@pytest.fixture
def runs(tmp_path):
    return study.plan(CONFIG, ['host', 'random'], [0, 1, 2],
                      tmp_path / 'study')


def save_checkpoints(runs, family='bert', trainable=False):
    """What the trainings would have left."""
    for run in runs:
        kind = dict(host=None, random='random').get(run.variant, family)
        identity = BlockIdentity(kind, 'x', (5, ), 'float32', 'ab' * 32)
        held = {} if kind is None else {'neck.layer': dict(
            identity=identity.to_dict(), trainable=trainable)}
        torch.save(dict(state_dict=dict(weight=torch.zeros(1)),
                        meta=dict(frozen_llm=held)),
                   run.folder / 'epoch_2.pth')


def test_plan(runs, tmp_path):
    names = [(run.variant, run.seed) for run in runs]
    assert names[:4] == [('block', 0), ('host', 0), ('random', 0),
                         ('block', 1)]
    made = Config.fromfile(runs[2].config)
    assert made.model.neck.llm == dict(
        checkpoint='nowhere', init='random', seed=0)
    assert Config.fromfile(runs[5].config).model.neck.llm.seed == 1
    assert made.randomness.seed == 0


def test_everything_is_run_once(runs, tools, tmp_path):
    said = []
    assert study.carry_out_all(runs, tools, 3, said.append) == []
    assert said[0] == '9 runs, 0 of them done'
    assert '[9/9]' in said[-1] and 'about 0.0 min left' in said[-1]
    again = []
    assert study.carry_out_all(runs, tools, 3, again.append) == []
    assert again == ['9 runs, 9 of them done']
    trained = (tmp_path / 'study/trained.txt').read_text().split()
    assert sorted(trained) == sorted(run.folder.name for run in runs)


def test_a_failed_run_is_named_and_repeated(runs, tools, tmp_path):
    (tmp_path / 'study/fail').touch()
    failed = study.carry_out_all(runs, tools, 2, lambda line: None)
    assert len(failed) == 1
    assert 'random, seed 1' in failed[0] and 'the disk is full' in failed[0]
    assert sum(run.done for run in runs) == 8
    (tmp_path / 'study/fail').unlink()
    assert study.carry_out_all(runs, tools, 1, lambda line: None) == []
    assert all(run.done for run in runs)


def test_a_test_cut_off_is_no_result(runs, tools):
    """The name of the metrics comes last."""
    (tools.tools / 'test.py').write_text(TEST + 'sys.exit(9)')
    failed = study.carry_out_all(runs[:1], tools, 1, lambda line: None)
    assert 'status 9' in failed[0] and not runs[0].done


def test_another_config_in_the_same_folder(runs, tmp_path):
    study.plan(CONFIG, ['host', 'mlp'][:1], [7], tmp_path / 'study')
    other = CONFIG.copy()
    other.lr = 2
    with pytest.raises(ConfigError, match='study of another config'):
        study.plan(other, ['host'], [0], tmp_path / 'study')


def test_report(runs, tools, tmp_path):
    study.carry_out_all(runs, tools, 2, lambda line: None)
    save_checkpoints(runs)
    metric, outcomes = read_outcomes(runs)
    found = study_report.report(outcomes, metric)
    host = found['rows'][1]
    assert host['variant'] == 'host' and host['mean'] == 81
    assert host['difference'] == 10 and host['wins'] == 3
    assert host['built_in'] == ['no language-model block']
    text = study_report.table(found)
    assert 'block   91.00 +- 1  (90.00, 91.00, 92.00; seeds [0, 1, 2])' in text
    assert "bert block from 'x', layer 5" in text
    study_report.draw(found, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').read_bytes().startswith(b'\x89PNG')
    worse = study_report.report(outcomes, metric, lower_is_better=True)
    assert worse['rows'][1]['wins'] == 0


def test_verdict_follows_the_interval():
    def outcomes(block, host):
        return [study_report.Outcome(name, seed, value, '')
                for name, values in (('block', block), ('host', host))
                for seed, value in enumerate(values)]

    def verdict(*values, **options):
        return study_report.report(outcomes(*values), 'm', **options)[
            'rows'][1]['verdict']

    assert verdict((80.7, 80.6, 80.5), (80.1, 80.1, 79.9)) == 'better'
    assert verdict((80.7, 80.0, 80.5), (80.1, 80.3, 79.9)) == (
        'no difference shown')
    assert verdict((1.0, 1.1, 1.2), (2.0, 2.2, 2.1),
                   lower_is_better=True) == 'better'
    assert 'one seed' in verdict((1., ), (2., ))


def test_what_was_built_in_is_compared_with_the_variant(runs, tools):
    """A random block in the run called 'block' is no result."""
    study.carry_out_all(runs[:3], tools, 1, lambda line: None)
    save_checkpoints(runs[:3], family='random')
    with pytest.raises(DataError, match='not what this variant is'):
        read_outcomes(runs)


def test_a_trained_block_is_told_from_a_frozen_one(tmp_path, tools):
    """Only the metadata name a block that is saved with the weights."""
    runs = study.plan(CONFIG, ['finetuned'], [0], tmp_path / 'study')[1:]
    (tools.tools / 'test.py').write_text(
        TEST.replace('dict(', 'dict(finetuned=1, '))
    study.carry_out_all(runs, tools, 1, lambda line: None)
    save_checkpoints(runs, trainable=True)
    assert "bert block from 'x'" in read_outcomes(runs)[1][0].built_in
    save_checkpoints(runs)
    with pytest.raises(DataError, match='not what this variant is'):
        read_outcomes(runs)


def test_an_unknown_metric_lists_those_there_are(runs, tools):
    study.carry_out_all(runs[:1], tools, 1, lambda line: None)
    save_checkpoints(runs[:1])
    assert read_outcomes(runs, 'loss')[1][0].value == 1
    with pytest.raises(ConfigError, match='tested for accuracy/top1, loss'):
        read_outcomes(runs, 'top1')


def test_slurm_comes_before_python(runs, tools):
    launch = tools._replace(prefix=('srun', '-p', 'gpu'), launcher='slurm')
    words = study.train_command(runs[0], launch)
    assert words[:4] == ['srun', '-p', 'gpu', sys.executable]
    assert words[-2:] == ['--launcher', 'slurm']


@pytest.mark.slow
def test_a_true_study(tmp_path):
    """Digits for one short epoch; killed on the way, then gone on with."""
    words = [sys.executable, str(ROOT / 'tools/study.py'),
             str(ROOT / 'configs/vit_tiny_minilm_digits.py'), '--controls',
             'host', '--seeds', '0', '1', '--work-dir', str(tmp_path / 's'),
             '--cfg-options', 'train_cfg.max_epochs=1',
             'train_dataloader.dataset.indices=64']
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(words, timeout=30, capture_output=True)
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert 'the block against' in done.stdout
    held = json.loads((tmp_path / 's/report.json').read_text())
    assert [row['variant'] for row in held['rows']] == ['block', 'host']
    assert all(len(row['values']) == 2 for row in held['rows'])
    assert 'with_test_noise' in held['rows'][1]
