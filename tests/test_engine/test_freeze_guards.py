"""What FreezeLLMHook notices while a training runs, and around it."""

import pytest
import torch

from lm4ve_mm.engine import ranks
from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.engine.ranks import compare_ranks, summary
from lm4ve_mm.llm import BlockMismatchError, FrozenLLMLayer


class Stop(BaseException):
    """A kill, a time limit, Ctrl-C."""


def stop(runner):
    raise Stop


def write(runner):
    """Past the version counter, one value among many."""
    weight = runner.model.neck.layer.blocks[0].attn.q.weight
    weight.data.view(-1)[77] += 1


def test_stopped_run_has_no_checkpoint_of_a_changed_block(
        tmp_path, train, digits):
    cfg = digits.block_config(tmp_path, epochs=4)
    with pytest.raises(BlockMismatchError, match='neck.layer.* have changed'):
        train(cfg, hooks=[
            digits.At('after_train_iter', write, lambda r: r.iter == 4),
            digits.At('before_train_epoch', stop, lambda r: r.epoch == 3)])
    assert [f.name for f in tmp_path.glob('*.pth')] == ['epoch_1.pth']


def test_a_frozen_host_is_watched_too(tmp_path, train, digits):
    cfg = digits.block_config(tmp_path)
    cfg.custom_hooks[2]['freeze'] = ['backbone']

    def shift(runner):
        runner.model.backbone.pos_embed.data[0, 0, 0] += 1

    with pytest.raises(BlockMismatchError, match='backbone.* have changed'):
        train(cfg, hooks=[
            digits.At('after_train_iter', shift, lambda r: r.iter == 1)])
    assert not list(tmp_path.glob('*.pth'))


def test_a_change_is_noticed_before_the_validation(tmp_path, train, digits):
    cfg = digits.block_config(tmp_path)
    with pytest.raises(BlockMismatchError, match='have changed'):
        train(cfg, hooks=[digits.At('before_val', write)])


def test_validation_by_itself_checks_the_digest(tmp_path, train, digits):
    cfg = digits.block_config(tmp_path)
    with pytest.raises(BlockMismatchError, match='have changed'):
        train(cfg, mode='val', hooks=[digits.At('before_val', write)])


def test_a_layer_that_nobody_runs(tmp_path, train, digits):
    cfg = digits.block_config(tmp_path)

    def bypass(runner):
        runner.model.neck.layer.forward = (
            lambda tokens, mask=None, keep=None: tokens[:, keep])

    with pytest.raises(RunError, match='neck.layer.map_in'):
        train(cfg, hooks=[digits.At('before_train', bypass)])
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize('wrapper', [
    dict(accumulative_counts=4),
    dict(type='lm4ve_mm.AutocastOptimWrapper')], ids=['accumulate', 'amp'])
def test_no_false_alarm(tmp_path, train, digits, wrapper):
    cfg = digits.block_config(tmp_path, epochs=1)
    cfg.optim_wrapper.update(wrapper)
    train(cfg)
    assert (tmp_path / 'epoch_1.pth').is_file()


def layer(seed=0, **options):
    return FrozenLLMLayer(
        8, init='random', geometry=dict(width=16, num_heads=2, ffn_dim=32),
        seed=seed, **options)


def gathered(monkeypatch, *layers):
    """As if each rank held one of the layers; the first is this one."""
    monkeypatch.setattr(ranks, 'all_gather_object', lambda mine: [
        ({'neck.layer': summary(one)}, {'neck.layer': str(one.identity)})
        for one in layers])
    compare_ranks({'neck.layer': layers[0]})


@pytest.mark.parametrize('other, words', [
    (dict(seed=1), 'rank 1, 2 differ from rank 0'),
    (dict(causal=True), 'causal=False'),
    (dict(residual='out'), "residual='out'")], ids=str)
def test_ranks_that_differ_are_named(monkeypatch, other, words):
    odd = layer(**other)
    with pytest.raises(BlockMismatchError) as caught:
        gathered(monkeypatch, layer(), odd, odd, layer())
    assert words in str(caught.value)
    assert 'rank 1, 2' in str(caught.value)
    assert 'neck.layer' in str(caught.value)


def test_ranks_that_agree_pass(monkeypatch):
    gathered(monkeypatch, layer(), layer(), layer())


@pytest.mark.parametrize('mode', ['test', 'resume', 'load', 'plain host'])
def test_checkpoint_without_identity_is_said_once(tmp_path, train, digits,
                                                  said, mode):
    train(digits.block_config(tmp_path, epochs=2), cut_at_iter=4)
    held = digits.load(tmp_path / 'epoch_1.pth')
    weights = held['state_dict']
    del weights['neck.layer.block_identity']
    if mode == 'plain host':
        weights = {k: v for k, v in weights.items() if 'neck.layer' not in k}
    torch.save(dict(held, state_dict=weights), tmp_path / 'old.pth')
    said.clear()
    cfg = digits.block_config(tmp_path / 'again', epochs=2)
    cfg.load_from = str(tmp_path / 'old.pth')
    cfg.resume = mode == 'resume'
    train(cfg, mode='test' if mode == 'test' else 'train')
    lines = [line for line in said if 'does not say which block' in line]
    assert len(lines) == (mode != 'plain host')
    assert all('neck.layer' in line for line in lines)


def test_places_may_differ(monkeypatch):
    """Of two machines, and the names of the files there."""
    one = layer()
    there = one.describe()
    there['checkpoint'] = '/elsewhere/llama'
    there['identity']['source'] = 'llama-7b'
    monkeypatch.setattr(one, 'describe', lambda: there)
    assert summary(one) == summary(layer())
