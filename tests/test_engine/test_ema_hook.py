"""RawEvalEMAHook: the average is kept, the raw model is used."""

import pytest
import torch
from mmengine.model import BaseModel

from lm4ve_mm.engine.hooks.ema_hook import RawEvalEMAHook


def test_default_is_the_decay_of_the_paper():
    assert 1 - RawEvalEMAHook().ema_cfg['momentum'] == 0.99996


def hook_of(runner):
    return next(h for h in runner.hooks if isinstance(h, RawEvalEMAHook))


def test_average_is_the_recursion(tmp_path, train, digits, monkeypatch):
    """ema <- 0.9 ema + 0.1 raw after each step, from the first one on."""
    raws = []
    after_train_iter = RawEvalEMAHook.after_train_iter

    def record(self, runner, *args, **kwargs):
        raws.append(runner.model.head.layers.head.weight.detach().clone())
        after_train_iter(self, runner, *args, **kwargs)

    monkeypatch.setattr(RawEvalEMAHook, 'after_train_iter', record)
    runner = train(digits.config(tmp_path))
    expected = raws[0]
    for raw in raws[1:]:
        expected = 0.9 * expected + 0.1 * raw
    assert len(raws) == 9
    average = hook_of(runner).ema_model.module.head.layers.head.weight
    assert torch.allclose(average, expected, rtol=1e-5, atol=1e-7)

    checkpoint = digits.load(tmp_path / 'epoch_3.pth')
    raw = checkpoint['state_dict']['head.layers.head.weight']
    kept = checkpoint['ema_state_dict']['module.head.layers.head.weight']
    assert torch.equal(raw, raws[-1])
    assert torch.equal(kept, average)
    assert not torch.allclose(raw, kept)
    assert checkpoint['ema_state_dict']['steps'] == 9


def test_validation_and_test_see_the_raw_model(tmp_path, train, digits,
                                               monkeypatch):
    cfg = digits.config(tmp_path)
    loader = cfg.train_dataloader.copy()
    for stage in ('val', 'test'):
        cfg[f'{stage}_dataloader'] = loader
        cfg[f'{stage}_cfg'] = dict()
        cfg[f'{stage}_evaluator'] = dict(type='mmpretrain.Accuracy')
    seen = []
    for stage in ('train', 'val', 'test'):
        step = getattr(BaseModel, f'{stage}_step')

        def record(self, *args, stage=stage, step=step, **kwargs):
            result = step(self, *args, **kwargs)
            weight = self.head.layers.head.weight
            seen.append((stage, weight.detach().clone()))
            return result

        monkeypatch.setattr(BaseModel, f'{stage}_step', record)
    runner = train(cfg)
    average = hook_of(runner).ema_model.module.head.layers.head.weight
    cfg.load_from = str(tmp_path / 'epoch_3.pth')
    train(cfg, mode='test')
    epoch = ['train'] * 3 + ['val'] * 3
    assert [stage for stage, _ in seen] == epoch * 3 + ['test'] * 3
    for stage, weight in seen:
        if stage == 'train':
            trained = weight
        assert torch.equal(weight, trained), stage
    assert not torch.equal(trained, average)


def test_resume_needs_an_average(tmp_path, train, digits):
    train(digits.config(tmp_path, hooks=[digits.plain]), cut_at_iter=4)
    cfg = digits.config(tmp_path)
    cfg.resume = True
    with pytest.raises(KeyError, match='load_from=FILE'):
        train(cfg)


def test_resume_refuses_the_swapped_file_of_mmengine(tmp_path, train, digits):
    theirs = dict(type='mmengine.EMAHook', momentum=0.1)
    train(digits.config(tmp_path, hooks=[theirs, digits.plain]), cut_at_iter=4)
    cfg = digits.config(tmp_path)
    cfg.resume = True
    with pytest.raises(ValueError, match='mmengine.EMAHook'):
        train(cfg)


def test_starting_from_other_weights_needs_none(tmp_path, train, digits):
    train(digits.config(tmp_path / 'a', hooks=[digits.plain]), cut_at_iter=4)
    cfg = digits.config(tmp_path / 'b')
    cfg.load_from = str(tmp_path / 'a' / 'epoch_1.pth')
    runner = train(cfg)
    assert hook_of(runner).ema_model.steps == 9
