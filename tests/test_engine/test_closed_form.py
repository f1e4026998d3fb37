"""A resumed run follows the schedule of its config."""

import pytest
import torch
from torch import nn

from lm4ve_mm.engine.schedulers import StepWarmupCosineLR, WarmupCosineLR

SCHEDULES = {
    'epochs': lambda optimizer, end: WarmupCosineLR(
        optimizer, warmup_epochs=1, max_epochs=end, end=end, min_lr=1e-5),
    'steps': lambda optimizer, end: StepWarmupCosineLR(
        optimizer, warmup=2, min_ratio=.01, end=end),
}


def build(kind, end):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD([
        dict(params=[model.weight], lr=.1), dict(params=[model.bias], lr=.2)])
    return optimizer, SCHEDULES[kind](optimizer, end)


def advance(optimizer, schedule, steps):
    rates = []
    for _ in range(steps):
        rates.append([group['lr'] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize('kind', SCHEDULES)
@pytest.mark.parametrize('before, after, at', [
    (4, 9, 2), (4, 9, 4), (4, 9, 5), (9, 4, 2), (9, 4, 6), (6, 6, 3)])
def test_rates_are_those_of_the_config(kind, before, after, at, said):
    whole = advance(*build(kind, after), steps=12)
    optimizer, schedule = build(kind, before)
    advance(optimizer, schedule, at)
    held = optimizer.state_dict(), schedule.state_dict()
    optimizer, schedule = build(kind, after)
    optimizer.load_state_dict(held[0])
    schedule.load_state_dict(held[1])
    found = advance(optimizer, schedule, 12 - at)
    if (before, after, at) != (9, 4, 6):
        torch.testing.assert_close(found, whole[at:])
    else:
        # Past the end there is nothing left to change.
        torch.testing.assert_close(found, [whole[-1]] * 6)


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr('lm4ve_mm.engine.schedulers.closed_form.print_log',
                        lambda text, **_: lines.append(text))
    return lines


def test_both_numbers_are_said(said):
    _, old = build('epochs', 4)
    _, new = build('epochs', 9)
    new.load_state_dict(old.state_dict())
    assert len(said) == 1 and 'max_epochs=9 instead of 4' in said[0]
    new.load_state_dict(new.state_dict())
    assert len(said) == 1
