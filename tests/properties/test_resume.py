"""Runs that are killed, and files that were half written."""

import random
import signal
import time
from pathlib import Path

import pytest
from mmengine.logging import HistoryBuffer

from lm4ve_mm.engine.atomic_backend import AtomicLocalBackend
from lm4ve_mm.engine.hooks.plain_checkpoint_hook import from_plain, to_plain
from lm4ve_mm.testing import PowerCut, build_runner, probe, run_config, server
from lm4ve_mm.testing.processes import train_file
from lm4ve_mm.testing.resume import assert_same_run, cut_off, load

EPOCHS = 8


def kill_after(process, work_dir, epoch, delay):
    """SIGKILL some time after a checkpoint has appeared."""
    while not (work_dir / f'epoch_{epoch}.pth').exists():
        assert process.is_alive(), process.exitcode
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture(scope='module')
def long_run(vit, tmp_path_factory):
    """Its config, and the last checkpoint of a run that is not killed."""
    folder = tmp_path_factory.mktemp('whole')
    cfg = run_config(vit, folder, epochs=EPOCHS)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    build_runner(cfg).train()
    return cfg, load(folder / f'epoch_{EPOCHS}.pth')


@pytest.mark.parametrize('draw', [
    0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 12))])
def test_sigkill_at_any_moment_loses_nothing(long_run, tmp_path, draw):
    """The moment is another in each run; a failure names it."""
    cfg, whole = long_run
    cfg.work_dir = str(tmp_path / 'killed')
    cfg.dump(tmp_path / 'killed.py')
    process = server().Process(
        target=train_file, args=(str(tmp_path / 'killed.py'), ))
    process.start()
    chance = random.SystemRandom()
    epoch, delay = chance.randint(1, EPOCHS // 2), chance.uniform(0, 0.1)
    kill_after(process, tmp_path / 'killed', epoch, delay)
    last = tmp_path / 'killed' / f'epoch_{EPOCHS}.pth'
    assert not last.exists()
    cfg.resume = True
    build_runner(cfg).train()
    assert_same_run(
        load(last), whole,
        f'differs after a kill {delay:.3f} s after epoch {epoch}')


@pytest.fixture(scope='module')
def whole(cnn, tmp_path_factory):
    """The last checkpoint of three epochs that are not cut."""
    folder = tmp_path_factory.mktemp('whole')
    build_runner(run_config(cnn, folder, epochs=3)).train()
    return load(folder / 'epoch_3.pth')


def test_power_cut_while_a_checkpoint_is_written(cnn, whole, tmp_path,
                                                 monkeypatch):
    """Half of it on the disk: the last good one is resumed from."""
    cfg = run_config(cnn, tmp_path, epochs=3)

    def half(path, data):
        with open(path, 'wb') as stream:
            stream.write(data[:len(data) // 2])
        raise PowerCut

    with monkeypatch.context() as patch:
        runner = build_runner(cfg, probe(
            'before_train_epoch', lambda runner: runner.epoch == 1 and patch.
            setattr(Path, 'write_bytes', half)))
        with pytest.raises(PowerCut):
            runner.train()
    assert [file.name for file in tmp_path.glob('*.pth')] == ['epoch_1.pth']
    cfg.resume = True
    build_runner(cfg).train()
    assert_same_run(load(tmp_path / 'epoch_3.pth'), whole)


def test_power_cut_while_the_pointer_is_written(cnn, whole, tmp_path):
    """MMEngine empties ``last_checkpoint`` before it writes the name."""
    cfg = run_config(cnn, tmp_path, epochs=3)
    cut_off(cfg, 'after_train_iter', lambda runner: runner.iter == 4)
    pointer = tmp_path / 'last_checkpoint'
    assert pointer.read_text().endswith('epoch_1.pth')
    pointer.write_text('')
    cfg.resume = True
    build_runner(cfg).train()
    assert_same_run(load(tmp_path / 'epoch_3.pth'), whole)


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
