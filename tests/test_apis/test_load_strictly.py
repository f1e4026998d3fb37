"""A test of a checkpoint that does not fit ends, in every host."""

import re
import runpy
import socket
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lm4ve_mm import apis
from lm4ve_mm.apis import strict_loading

ROOT = Path(__file__).parents[2]
DIGITS = 'configs/vit_tiny_minilm_digits.py'
VIDEOS = 'configs/videomae_tiny_minilm_moving.py'
HEADS = {DIGITS: 'head.layers.head', VIDEOS: 'cls_head.fc_cls'}
numbers = count()


@pytest.fixture(scope='module', params=[
    (DIGITS, '--tta'), (VIDEOS, )],
    ids=lambda words: Path(words[0]).stem)
def host(request):
    """Words of a command line, and weights that fit."""
    config, *words = request.param
    torch.manual_seed(3)
    state = apis.build_model(apis.load_config(ROOT / config)).state_dict()
    return config, words, state


def read(host, content, folder):
    """Load a file as ``tools/test.py`` does; gives the model."""
    config, words, _ = host
    torch.save(content, folder / 'model.pth')
    args = apis.testing_parser().parse_args(
        [str(ROOT / config), str(folder / 'model.pth'), '--work-dir',
         str(folder), *words])
    cfg = apis.configure_testing(apis.load_config(args.config), args)
    cfg.experiment_name = f'strictly_{next(numbers)}'
    cfg.log_level = 'ERROR'
    runner = apis.load_strictly(apis.build_runner(cfg))
    runner.load_or_resume()
    return getattr(runner.model, 'module', runner.model)


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_what_fits_is_loaded(host, tmp_path, prefix):
    wanted = host[2]
    found = read(host, dict(state_dict={
        prefix + name: t for name, t in wanted.items()}), tmp_path)
    for name, tensor in found.state_dict().items():
        assert torch.equal(tensor, wanted[name]), name


def without(state, *names):
    return {name: t for name, t in state.items() if name not in names}


@pytest.mark.parametrize('change, words', [
    (lambda state, head: without(state, f'{head}.weight'),
     'missing keys in source state_dict: {head}.weight\n'),
    # It is what tells that the maps belong to this block.
    (lambda state, head: without(state, 'neck.layer.block_identity'),
     'missing keys in source state_dict: neck.layer.block_identity\n'),
    (lambda state, head: {**state, 'odd.weight': torch.ones(1)},
     'unexpected key in source state_dict: odd.weight\n'),
    (lambda state, head: {**state, 'backbone.cls_token': torch.ones(1, 1, 3),
                          'neck.norm.weight': torch.ones(3)},
     'size mismatch for neck.norm.weight: '),
    (lambda state, head: {f'net.{name}': t for name, t in state.items()},
     ', ...\n'),
], ids=['lacks', 'no identity', 'odd', 'shape', 'all'])
def test_what_does_not_fit_ends_the_test(host, tmp_path, capsys, change,
                                         words):
    config, _, state = host
    if 'neck.norm.weight' not in state:
        state = {**state, 'backbone.fc_norm.weight': torch.ones(3)}
        words = words.replace('neck.norm', 'backbone.fc_norm')
    with pytest.raises(SystemExit) as stopped:
        read(host, change(state, HEADS[config]), tmp_path)
    assert stopped.value.code == 2
    said = capsys.readouterr().err.rpartition('error: ')[2]
    assert said.startswith(f'cannot test {tmp_path / "model.pth"}: ')
    assert words.format(head=HEADS[config]) in said
    assert said.endswith('config that it was trained with.\n')
    assert len(said) < 1500


@pytest.mark.parametrize('content, words', [
    (b'', 'the file ends too early'), (b'PK noise', 'model.pth: ')])
def test_unreadable(tmp_path, capsys, monkeypatch, content, words):
    monkeypatch.setattr(torch, 'save',
                        lambda _, path: Path(path).write_bytes(content))
    with pytest.raises(SystemExit) as stopped:
        read((DIGITS, [], None), None, tmp_path)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


@pytest.fixture(scope='module')
def misfit(tmp_path_factory):
    """A file of the baseline, for the config with the block."""
    path = tmp_path_factory.mktemp('misfit') / 'baseline.pth'
    cfg = apis.load_config(ROOT / 'configs/vit_tiny_digits.py')
    torch.save(dict(state_dict=apis.build_model(cfg).state_dict()), path)
    return path


def test_by_the_tool(misfit, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, 'argv', [
        'test.py', DIGITS, str(misfit), '--work-dir', str(tmp_path), '--out',
        str(tmp_path / 'metrics.json'), '--out-item', 'metrics'])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path('tools/test.py', run_name='__main__')
    assert stopped.value.code == 2
    assert 'neck.layer.map_in.weight' in capsys.readouterr().err
    assert not (tmp_path / 'metrics.json').exists()


def test_another_process_could_not_load(monkeypatch, capsys):
    """MMEngine compares in one process; the others would wait for it."""
    monkeypatch.setattr(
        strict_loading, 'all_gather_object',
        lambda mine: [mine, 'lacks a tensor'])
    for rank, said in ((0, 'error: cannot test a.pth: lacks a tensor\n'),
                       (1, '')):
        runner = apis.load_strictly(SimpleNamespace(
            rank=rank, load_checkpoint=lambda filename, strict: {}))
        with pytest.raises(SystemExit) as stopped:
            runner.load_checkpoint('a.pth')
        assert stopped.value.code == 2
        assert capsys.readouterr().err == said


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='launches on CPU')
def test_two_processes(misfit, tmp_path):
    """Both end, one speaks."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
         f'--master_port={port}', 'tools/test.py', DIGITS, misfit,
         '--work-dir', tmp_path, '--launcher', 'pytorch'],
        cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.count('error: cannot test') == 1
    assert 'neck.layer.map_in.weight' in done.stderr
    assert 'test.py", line' not in done.stderr
    # torchrun's own status is 1; its report has those of the processes. It
    # kills the second to end where that is still about to.
    statuses = set(re.findall(r'exitcode +: (\S+)', done.stderr))
    assert '2' in statuses and statuses <= {'2', '-15'}
