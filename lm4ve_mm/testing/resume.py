"""A run that is cut off, and the one that goes on from its files."""

import random

import numpy as np
import pytest
import torch

from .runs import PowerCut, build_runner, probe, run_config

EXACT = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers')
EPOCHS, STEPS = 2, 3
POINTS = ('before_train_iter', 'after_train_iter')


def load(path) -> dict:
    """A checkpoint, under torch's safe default."""
    return torch.load(path, map_location='cpu', weights_only=True)


def flat(value, prefix='') -> dict:
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


def assert_same_run(found: dict, wanted: dict, context: str = '') -> None:
    """Weights, average, optimiser and schedule agree bit for bit."""
    for part in EXACT:
        a, b = flat(found[part]), flat(wanted[part])
        assert a.keys() == b.keys() and len(a) > 3, part
        for name, value in b.items():
            same = torch.equal(a[name], value) if torch.is_tensor(
                value) else a[name] == value
            assert same, f'{part}{name} {context}'


def cut_off(cfg, point: str, condition) -> None:
    """Train until a condition holds at a point of the run."""
    def fall(runner):
        if condition(runner):
            raise PowerCut

    with pytest.raises(PowerCut):
        build_runner(cfg, probe(point, fall)).train()


def _assert_same_history(found, wanted) -> None:
    """Of all scalars; times differ from run to run."""
    assert found.keys() == wanted.keys()
    assert {'train/loss', 'train/lr', 'train/time'} <= wanted.keys()
    for name, buffer in wanted.items():
        log, counts = found[name].data
        assert len(log) == len(buffer.data[0]) == EPOCHS * STEPS, name
        assert np.array_equal(counts, buffer.data[1]), name
        assert found[name].max_length == buffer.max_length
        if not name.endswith('time'):
            assert np.array_equal(log, buffer.data[0]), name
            for statistic in ('mean', 'min', 'max'):
                assert (getattr(found[name], statistic)(5) == getattr(
                    buffer, statistic)(5)), name


class Resume:
    """Properties of a run that is resumed: subclass it with a ``HOST``.

    Each run of the tests draws other moments; a failure names its own.
    """

    @pytest.fixture(scope='class')
    @staticmethod
    def whole(host, tmp_path_factory):
        """The last checkpoint and the history of a run that is not cut."""
        folder = tmp_path_factory.mktemp('whole')
        runner = build_runner(run_config(host, folder, epochs=EPOCHS))
        runner.train()
        return (load(folder / f'epoch_{EPOCHS}.pth'),
                dict(runner.message_hub.log_scalars))

    @pytest.mark.parametrize('draw', [
        0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 6))])
    def test_resumed_run_is_the_whole_one_with_its_history(
            self, host, whole, tmp_path, draw):
        chance = random.SystemRandom()
        # After the first checkpoint, which is written after step 2.
        step = chance.randint(STEPS, EPOCHS * STEPS - 1)
        point = chance.choice(POINTS)
        cfg = run_config(host, tmp_path, epochs=EPOCHS)
        cut_off(cfg, point, lambda runner: runner.iter == step)
        assert not (tmp_path / f'epoch_{EPOCHS}.pth').exists()
        cfg.resume = True
        resumed = build_runner(cfg)
        resumed.train()
        checkpoint, history = whole
        assert_same_run(load(tmp_path / f'epoch_{EPOCHS}.pth'), checkpoint,
                        f'differs after a cut at {point}, step {step}')
        _assert_same_history(dict(resumed.message_hub.log_scalars), history)
