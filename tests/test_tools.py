"""The command-line tools, as a user runs them."""

import json
import os
import re
import runpy
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis import configure

ROOT = Path(__file__).parents[1]
CONFIG = 'configs/vit_tiny_digits.py'
SMALL = ['--cfg-options', 'train_cfg.max_epochs=1',
         'train_dataloader.dataset.indices=128']


def tool(name, *args):
    """Run a tool in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, ROOT / 'tools' / f'{name}.py', *map(str, args)],
        cwd=ROOT, capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def arguments(parser, *args):
    return parser.parse_args([CONFIG, *args])


def small_config(**keys):
    loader = dict(num_workers=2, dataset=dict(pipeline=[dict(type='Pack')]))
    return Config(dict(
        default_scope='mmpretrain',
        model=dict(type='Host'),
        optim_wrapper=dict(type='OptimWrapper'),
        train_dataloader=loader, val_dataloader=dict(loader),
        test_dataloader=dict(loader), test_cfg=dict(),
        default_hooks=dict(visualization=dict(type='Vis'))) | keys)


@pytest.fixture
def checkpoint(tmp_path):
    file = tmp_path / 'epoch_1.pth'
    file.touch()
    return str(file)


def test_train_then_test_agree(tmp_path, monkeypatch):
    here(monkeypatch, 'train', CONFIG, '--work-dir', str(tmp_path), *SMALL)
    scalars, = tmp_path.glob('*/vis_data/scalars.json')
    trained = json.loads(scalars.read_text().splitlines()[-1])
    here(monkeypatch, 'test', CONFIG, str(tmp_path / 'epoch_1.pth'),
         '--work-dir', str(tmp_path), '--out',
         str(tmp_path / 'metrics.json'), '--out-item', 'metrics')
    metrics = json.loads((tmp_path / 'metrics.json').read_text())
    assert metrics['accuracy/top1'] == pytest.approx(
        trained['accuracy/top1'], abs=1e-3)


@pytest.mark.slow
def test_train_in_a_process_of_its_own(tmp_path):
    log = tool('train', CONFIG, '--work-dir', tmp_path, *SMALL)
    assert 'deprecated as an API' not in log
    assert re.search(r'Epoch\(val\).*accuracy/top1: [\d.]+', log)


def here(monkeypatch, name, *args):
    """Run a tool in this process, which has everything imported."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, 'argv', [f'{name}.py', *args])
    runpy.run_path(str(ROOT / 'tools' / f'{name}.py'), run_name='__main__')


def test_print_config(monkeypatch, capsys):
    here(monkeypatch, 'misc/print_config', CONFIG, '--cfg-options',
         'train_cfg.max_epochs=7')
    printed = capsys.readouterr().out
    assert 'max_epochs=7' in printed
    assert re.search("default_scope ?= ?'mmpretrain'", printed)


@pytest.mark.parametrize(('name', 'args', 'words'), [
    ('train', ['configs/vit_tiny_digit.py'], CONFIG),
    ('train', ['configs/zzz.py'], 'no config'),
    ('misc/print_config', ['configs/vit_tiny_digit.py'], CONFIG),
    ('train', [CONFIG, '--resume', 'gone.pth'], '--resume gone.pth'),
    ('test', [CONFIG, 'gone.pth'], 'no checkpoint gone.pth'),
])
def test_mistakes_are_explained(name, args, words, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        here(monkeypatch, name, *args)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_tools_say_how_to_install(tmp_path):
    done = subprocess.run(
        [sys.executable, '-S', ROOT / 'tools' / 'train.py', '-h'],
        cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert 'pip install -e' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(('parser', 'names'), [
    (apis.training_parser(), ['c.py']),
    (apis.testing_parser(), ['c.py', 'x.pth']),
])
def test_help_and_ranks_suit_mim(parser, names):
    assert '--gpus' not in parser.format_help()
    for spelling in ('--local_rank', '--local-rank'):
        assert parser.parse_args([*names, f'{spelling}=3']).local_rank == 3


def test_training_options(checkpoint):
    cfg = small_config(auto_scale_lr=dict(base_batch_size=64))
    args = arguments(
        apis.training_parser(), '--resume', checkpoint, '--no-validate',
        '--auto-scale-lr', '--no-pin-memory', '--no-persistent-workers',
        '--cfg-options', 'optim_wrapper.clip=[1,2]', 'model.depth=3')
    cfg = apis.configure_training(cfg, args)
    assert cfg.work_dir == os.path.join('work_dirs', 'vit_tiny_digits')
    assert (cfg.resume, cfg.load_from) == (True, checkpoint)
    assert cfg.auto_scale_lr.enable
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    assert cfg.train_dataloader.collate_fn.type == 'default_collate'
    assert not cfg.train_dataloader.pin_memory
    assert not cfg.train_dataloader.persistent_workers
    assert cfg.optim_wrapper.clip == [1, 2]
    assert cfg.model.depth == 3

    cfg = apis.configure_training(
        small_config(load_from='a', work_dir='given', default_scope='mmaction'
                     ), arguments(apis.training_parser(), '--resume'))
    assert (cfg.resume, cfg.load_from, cfg.work_dir) == (True, None, 'given')
    assert cfg.train_dataloader.persistent_workers
    assert 'collate_fn' not in cfg.train_dataloader


@pytest.mark.parametrize(('device', 'name'), [
    ('cuda', 'mmengine.AmpOptimWrapper'),
    ('cpu', 'lm4ve_mm.AutocastOptimWrapper'),
])
def test_amp_by_device(device, name, monkeypatch):
    monkeypatch.setattr(configure, 'get_device', lambda: device)
    cfg = small_config()
    apis.configure_training(cfg, arguments(apis.training_parser(), '--amp'))
    assert cfg.optim_wrapper.type == name
    assert ('loss_scale' in cfg.optim_wrapper) == (device == 'cuda')


@pytest.mark.parametrize(('args', 'keys', 'words'), [
    (['--amp'], dict(optim_wrapper=dict(type='DeepSpeedOptimWrapper')),
     'DeepSpeedOptimWrapper'),
    (['--auto-scale-lr'], {}, 'base_batch_size'),
])
def test_training_refusals(args, keys, words):
    with pytest.raises(ValueError, match=words):
        apis.configure_training(
            small_config(**keys), arguments(apis.training_parser(), *args))


def test_testing_options(checkpoint):
    args = arguments(apis.testing_parser(), checkpoint, '--amp', '--tta',
                     '--show-dir', 'drawn', '--interval', '5')
    cfg = apis.configure_testing(small_config(), args)
    assert cfg.load_from == checkpoint
    assert cfg.test_cfg.fp16
    assert cfg.model.module.type == 'Host'
    assert cfg.test_dataloader.dataset.pipeline[-1].type.endswith('Aug')
    assert cfg.default_hooks.visualization.out_dir == 'drawn'
    assert cfg.default_hooks.visualization.interval == 5


@pytest.mark.parametrize(('args', 'keys', 'words'), [
    (['--out-item', 'pred'], {}, '--out FILE'),
    (['--show'], dict(default_hooks=dict()), 'default_hooks.visualization'),
    (['--tta'], dict(default_scope='mmaction'), 'tta_model'),
])
def test_testing_refusals(checkpoint, args, keys, words):
    with pytest.raises(ValueError, match=words):
        apis.configure_testing(
            small_config(**keys),
            arguments(apis.testing_parser(), checkpoint, *args))


def test_processes_without_a_launcher_are_refused(monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(ValueError, match='--launcher pytorch'):
        apis.build_runner(Namespace(launcher='none'))
