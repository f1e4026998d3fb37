"""WarmupCosineLR against the paper's numbers and against timm."""

import io

import pytest
import torch
from mmengine.registry import PARAM_SCHEDULERS

from lm4ve_mm.engine.schedulers import WarmupCosineLR


def optimizer_of(*lrs):
    """SGD with one group per rate."""
    groups = [
        dict(params=[torch.nn.Parameter(torch.zeros(1))], lr=lr) for lr in lrs
    ]
    return torch.optim.SGD(groups, lr=1.)


def run(optimizer, scheduler, epochs):
    """The rates of each group, epoch by epoch, stepping after each epoch."""
    history = []
    for _ in range(epochs):
        history.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return history


def test_paper_numbers():
    optimizer = optimizer_of(1e-3)
    lrs = [lr for lr, in run(optimizer, WarmupCosineLR(optimizer), 300)]
    # From timm 0.4's formula by hand: a rate and half its last digit
    expected = {
        0: (1e-6, 0),
        1: (1e-6, 0),
        2: (5.095e-5, 1e-18),
        20: (9.5005e-4, 1e-18),
        21: (9.89183e-4, 5e-10),
        100: (7.57e-4, 5e-7),
        299: (1.0109e-5, 5e-10),
    }
    for epoch, (lr, tolerance) in expected.items():
        assert lrs[epoch] == pytest.approx(lr, rel=0, abs=tolerance), epoch
    assert max(lrs) == lrs[21]


def test_every_epoch_is_timm_stepped_as_deit_does():
    cosine = pytest.importorskip('timm.scheduler').CosineLRScheduler
    rates = (1e-3, 2e-4, 1e-5)
    theirs = optimizer_of(*rates)
    timm = cosine(
        theirs,
        t_initial=300,
        lr_min=1e-5,
        warmup_lr_init=1e-6,
        warmup_t=20,
        cycle_limit=1)
    ours = optimizer_of(*rates)
    history = run(ours, WarmupCosineLR(ours), 310)
    for epoch, lrs in enumerate(history):
        reference = [group['lr'] for group in theirs.param_groups]
        assert lrs == pytest.approx(reference, rel=1e-12), epoch
        timm.step(epoch)  # DeiT: after the epoch, with its own index


def test_no_lag_and_no_warmup():
    optimizer = optimizer_of(1.)
    scheduler = WarmupCosineLR(
        optimizer, warmup_epochs=0, min_lr=0., max_epochs=4, lag=0)
    lrs = [lr for lr, in run(optimizer, scheduler, 5)]
    assert lrs == pytest.approx([1., .85355339, .5, .14644661, 0.])


@pytest.mark.parametrize('stop', [1, 20, 21, 150])
def test_resume(stop):
    rates = (1e-3, 3e-4)
    optimizer = optimizer_of(*rates)
    expected = run(optimizer, WarmupCosineLR(optimizer), 200)

    optimizer = optimizer_of(*rates)
    scheduler = WarmupCosineLR(optimizer)
    start = run(optimizer, scheduler, stop)
    file = io.BytesIO()
    torch.save([optimizer.state_dict(), scheduler.state_dict()], file)
    file.seek(0)

    # The order of mmengine's Runner: build both, then load both.
    optimizer = optimizer_of(*rates)
    scheduler = WarmupCosineLR(optimizer)
    states = torch.load(file, weights_only=True)
    optimizer.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    assert start + run(optimizer, scheduler, 200 - stop) == expected


def build(**kwargs):
    """As the runner builds it from a config."""
    cfg = dict(type='lm4ve_mm.WarmupCosineLR', **kwargs)
    return PARAM_SCHEDULERS.build(
        cfg, default_args=dict(optimizer=optimizer_of(1e-3), epoch_length=10))


def test_built_by_name():
    assert isinstance(build(), WarmupCosineLR)


@pytest.mark.parametrize('kwargs, words', [
    (dict(by_epoch=False), 'CosineAnnealingLR'),
    (dict(convert_to_iter_based=True), 'Remove that key'),
    (dict(warmup_epochs=300), 'warmup_epochs=300 and max_epochs=300'),
    (dict(warmup_epochs=-1), 'warmup_epochs=-1'),
    (dict(lag=-1), 'lag=-1'),
    (dict(warmup_lr=-1e-6), 'negative'),
    (dict(min_lr=2e-3), 'param_scheduler.min_lr to 0.001 or less'),
])
def test_errors_say_what_to_do(kwargs, words):
    with pytest.raises(ValueError, match=words):
        build(**kwargs)


def test_run_of_another_length_is_logged(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'lm4ve_mm.engine.schedulers.warmup_cosine.print_log',
        lambda message, **_: messages.append(message))
    build(end=300)
    build(end=301)  # with the lag
    assert not messages
    build(end=301, lag=0)
    assert 'param_scheduler.max_epochs=301' in messages.pop()
    build(end=100)
    assert 'param_scheduler.max_epochs=100' in messages[0]
