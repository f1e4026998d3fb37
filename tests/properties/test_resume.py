"""A run that is killed, and the one that goes on from its files."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from lm4ve_mm.engine.atomic_backend import AtomicLocalBackend
from lm4ve_mm.engine.hooks.plain_checkpoint_hook import from_plain, to_plain

ROOT = Path(__file__).parents[2]
EXACT = ('state_dict', 'ema_state_dict', 'optimizer')
EPOCHS = 30


class PowerCut(BaseException):
    """Nothing below expects or handles it."""


def load(path):
    return torch.load(path, map_location='cpu', weights_only=True)


def flat(value, prefix=''):
    """All leaves of nested dicts and lists, by their path."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return {prefix: value}
    leaves = {}
    for key, item in items:
        leaves.update(flat(item, f'{prefix}.{key}'))
    return leaves


def assert_same_run(found, wanted, context=''):
    """Weights, average and optimiser agree bit for bit."""
    for part in EXACT:
        a, b = flat(found[part]), flat(wanted[part])
        assert a.keys() == b.keys() and len(a) > 10
        for name, value in b.items():
            same = torch.equal(a[name], value) if torch.is_tensor(
                value) else a[name] == value
            assert same, f'{part}{name} {context}'


def start(tools, cfg, work_dir, *options):
    """Train in a process of its own, on one thread."""
    file = work_dir.parent / 'killed.py'
    cfg.dump(file)
    return subprocess.Popen(
        [sys.executable, 'tools/train.py', file, '--work-dir', work_dir,
         *options],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=tools.environment())


def finish(process):
    log, _ = process.communicate()
    assert process.returncode == 0, log


def kill_after(process, work_dir, epoch, delay):
    """SIGKILL some time after a checkpoint has appeared."""
    while not any(
            int(file.stem[6:]) >= epoch
            for file in work_dir.glob('epoch_*.pth')):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_sigkill_at_any_moment_loses_nothing(vit, tools, tmp_path):
    cfg = tools.config(vit, tmp_path, epochs=EPOCHS)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    finish(start(tools, cfg, whole))
    # An epoch takes less than the delay: any moment of it can be hit.
    epoch, delay = random.randint(1, EPOCHS // 2), random.uniform(0, 0.2)
    kill_after(start(tools, cfg, killed), killed, epoch, delay)
    assert not (killed / f'epoch_{EPOCHS}.pth').exists()
    finish(start(tools, cfg, killed, '--resume'))
    last = f'epoch_{EPOCHS}.pth'
    assert_same_run(
        load(killed / last), load(whole / last),
        f'differs after a kill {delay:.3f} s after epoch {epoch}')


def cut(tools, cfg, point, condition):
    """Train until a condition holds at a point of the run."""
    def fall(runner):
        if condition(runner):
            raise PowerCut

    with pytest.raises(PowerCut):
        tools.build(cfg, tools.Probe(point, fall)).train()


def whole_and_cut(host, tools, tmp_path):
    """An uninterrupted run, and the config of one cut in epoch 3."""
    cfg = tools.config(host, tmp_path / 'whole', epochs=4)
    whole = tools.build(cfg)
    whole.train()
    cfg.work_dir = str(tmp_path / 'cut')
    cut(tools, cfg, 'after_train_iter', lambda runner: runner.iter == 7)
    cfg.resume = True
    return whole, cfg


def resume(tools, cfg, tmp_path):
    """Resume the cut run; it has to end as the whole one did."""
    runner = tools.build(cfg)
    runner.train()
    assert_same_run(load(tmp_path / 'cut' / 'epoch_4.pth'),
                    load(tmp_path / 'whole' / 'epoch_4.pth'))
    return runner


def test_resumed_run_is_the_whole_one_with_its_history(host, tools, tmp_path):
    whole, cfg = whole_and_cut(host, tools, tmp_path)
    resumed = resume(tools, cfg, tmp_path)
    wanted = dict(whole.message_hub.log_scalars)
    found = dict(resumed.message_hub.log_scalars)
    assert found.keys() == wanted.keys()
    assert {'train/loss', 'train/lr', 'train/time'} <= wanted.keys()
    for name, buffer in wanted.items():
        log, counts = found[name].data
        # Times differ from run to run; that they are there does not.
        assert len(log) == len(buffer.data[0]) == 12, name
        assert np.array_equal(counts, buffer.data[1]), name
        assert found[name].max_length == buffer.max_length
        if not name.endswith('time'):
            assert np.array_equal(log, buffer.data[0]), name
            for statistic in ('mean', 'min', 'max'):
                assert (getattr(found[name], statistic)(5) == getattr(
                    buffer, statistic)(5)), name


def test_power_cut_while_a_checkpoint_is_written(cnn, tools, tmp_path,
                                                 monkeypatch):
    """Half of it on the disk: the last good one is resumed from."""
    cfg = tools.config(cnn, tmp_path / 'whole', epochs=4)
    tools.build(cfg).train()
    cfg.work_dir = str(tmp_path / 'cut')

    def half(path, data):
        with open(path, 'wb') as stream:
            stream.write(data[:len(data) // 2])
        raise PowerCut

    with monkeypatch.context() as patch:
        runner = tools.build(cfg, tools.Probe(
            'before_train_epoch', lambda runner: runner.epoch == 2 and patch.
            setattr(Path, 'write_bytes', half)))
        with pytest.raises(PowerCut):
            runner.train()
    files = {file.name for file in (tmp_path / 'cut').glob('*.pth')}
    assert files == {'epoch_1.pth', 'epoch_2.pth'}
    cfg.resume = True
    resume(tools, cfg, tmp_path)


def test_power_cut_while_the_pointer_is_written(cnn, tools, tmp_path):
    """MMEngine empties ``last_checkpoint`` before it writes the name."""
    _, cfg = whole_and_cut(cnn, tools, tmp_path)
    pointer = tmp_path / 'cut' / 'last_checkpoint'
    assert pointer.read_text().endswith('epoch_2.pth')
    pointer.write_text('')
    resume(tools, cfg, tmp_path)


def test_history_survives_being_made_plain():
    buffer = HistoryBuffer([0.5, 1.5, 4.], [1, 1, 2], max_length=3)
    plain = to_plain(dict(outer=[buffer], hub={'train/loss': buffer}))
    held = from_plain(plain)['hub']['train/loss']
    assert isinstance(held, HistoryBuffer)
    # Sums over counts: MMEngine logs values already times their count.
    assert held.mean() == buffer.mean() == (0.5 + 1.5 + 4.) / (1 + 1 + 2)
    held.update(9., 1)
    assert held.data[0].tolist() == [1.5, 4., 9.]


@pytest.mark.parametrize('old', [None, b'old'])
def test_interrupted_put_leaves_the_old_file(tmp_path, monkeypatch, old):
    file = tmp_path / 'epoch_1.pth'
    if old is not None:
        file.write_bytes(old)

    def half(path, data):
        with open(path, 'wb') as stream:
            stream.write(data[:2])
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'write_bytes', half)
        with pytest.raises(PowerCut):
            AtomicLocalBackend().put(b'new weights', file)
    assert [f.name for f in tmp_path.iterdir()] == [file.name] * (
        old is not None)
    assert old is None or file.read_bytes() == old
    AtomicLocalBackend().put(b'new weights', str(file))
    assert file.read_bytes() == b'new weights'
    assert [f.name for f in tmp_path.iterdir()] == [file.name]
