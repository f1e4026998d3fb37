"""FreezeLLMHook: what it says, what it freezes, what it notices."""

import pytest
import torch

from lm4ve_mm.engine.hooks.freeze_hook import FreezeLLMHook
from lm4ve_mm.llm import BlockMismatchError
from lm4ve_mm.testing import (
    build_runner,
    layer_of,
    nudge,
    probe,
    run_config,
    train_in_two,
)

REST = (dict(type='lm4ve_mm.EpochSeedHook'),
        dict(type='lm4ve_mm.PlainCheckpointHook'))


def freezing(*names):
    return [dict(type='lm4ve_mm.FreezeLLMHook', freeze=list(names)), *REST]


def weights_and_statistics(module):
    """Clones of parameters and buffers, BatchNorm's counters included."""
    return {name: t.clone() for name, t in module.state_dict().items()}


def logged(runner, monkeypatch):
    """Collect what the runner logs."""
    lines = []
    monkeypatch.setattr(runner.logger, 'info', lines.append)
    return lines


# Block of width 32: 4 * 32^2 + 3 * 32 * 64 + 2 * 32 for the norms inside, and
# 32 ones of the final norm.
BLOCK = 4 * 32 * 32 + 3 * 32 * 64 + 3 * 32


@pytest.mark.parametrize('frozen', [[], ['backbone']], ids=['none', 'host'])
def test_report(cnn, tmp_path, monkeypatch, frozen):
    """Once, though the run trains and tests."""
    cfg = run_config(cnn, tmp_path, hooks=freezing(*frozen))
    runner = build_runner(cfg)
    lines = logged(runner, monkeypatch)
    runner.train()
    runner.test()
    report = [line for line in lines if line.startswith('FreezeLLMHook')]
    rest = sum(p.numel() for part in (runner.model.neck, runner.model.head)
               for p in part.parameters())
    # maps, norm, head
    assert rest == 2 * 16 * 32 + 2 * 16 + 10 * 16 + 10
    backbone = sum(p.numel() for p in runner.model.backbone.parameters())
    held = backbone if frozen else 0
    trained = rest + backbone - held
    total = rest + backbone + BLOCK
    assert report == [
        f'FreezeLLMHook: {total:,} parameters = {trained:,} trainable '
        f'({trained / total:.2%}) + {held:,} frozen in the host + {BLOCK:,} '
        'frozen in language-model blocks',
        'FreezeLLMHook: neck.layer (frozen) is '
        f'{runner.model.neck.layer.identity}'
    ]


def test_report_of_lora(lora, tmp_path, monkeypatch):
    """Updates are trained; the maps that they update are frozen."""
    runner = build_runner(run_config(lora, tmp_path, hooks=freezing()))
    lines = logged(runner, monkeypatch)
    runner.train()
    host = sum(p.numel() for part in (runner.model.backbone,
                                      runner.model.neck.norm,
                                      runner.model.head)
               for p in part.parameters())
    # Rank 2: q is 64 x 64, down 64 x 192, the maps are 64 x 16.
    trained = host + 2 * (64 + 64 + 64 + 192 + 2 * (64 + 16))
    maps = 2 * 64 * 16
    block = 4 * 64 * 64 + 3 * 64 * 192 + 3 * 64  # final norm included
    total = trained + maps + block
    report = [line for line in lines if line.startswith('FreezeLLMHook')]
    assert report[0] == (
        f'FreezeLLMHook: {total:,} parameters = {trained:,} trainable '
        f'({trained / total:.2%}) + 0 frozen in the host + {maps:,} frozen '
        f'in maps + {block:,} frozen in language-model blocks')
    assert '(frozen) is llama block' in report[1]


@pytest.mark.parametrize('name', ['map_in.weight', 'blocks.0.attn.q.weight'])
def test_a_write_below_lora_ends_the_run(lora, tmp_path, name):
    runner = build_runner(run_config(lora, tmp_path, hooks=freezing()))
    tensors = layer_of(runner.model).frozen_tensors()
    runner.register_hook(probe(
        'after_train_iter', at_second_step(
            lambda model: nudge(tensors[name]))))
    with pytest.raises(BlockMismatchError, match='changed'):
        runner.train()


def test_frozen_backbone_stays_bit_for_bit(cnn, tmp_path):
    """Its BatchNorm statistics too, in a run of two epochs."""
    runner = build_runner(
        run_config(cnn, tmp_path, epochs=2, hooks=freezing('backbone')))
    before, modes = {}, []

    def note(runner):
        before.update(weights_and_statistics(runner.model))

    def note_mode(runner):
        modes.append((runner.model.training,
                      any(m.training
                          for m in runner.model.backbone.modules())))

    runner.register_hook(probe('before_train', note))
    runner.register_hook(probe('after_train_iter', note_mode))
    runner.train()
    assert modes == [(True, False)] * 6
    assert any(name.endswith('running_var') for name in before)
    for name, value in runner.model.state_dict().items():
        if name.endswith(('block_identity', 'layer_function')):
            continue
        same = torch.equal(value, before[name])
        assert same == name.startswith('backbone.'), name
    state = torch.load(
        tmp_path / 'epoch_2.pth', weights_only=True)['optimizer']['state']
    trained = [p for p in runner.model.parameters() if p.requires_grad]
    assert len(state) == len(trained) == 6


def test_without_freeze_the_backbone_moves(cnn, tmp_path):
    """Guards the test above: all of it would move."""
    runner = build_runner(run_config(cnn, tmp_path, hooks=freezing()))
    before = {}
    runner.register_hook(probe(
        'before_train',
        lambda r: before.update(weights_and_statistics(r.model.backbone))))
    runner.train()
    for name, value in runner.model.backbone.state_dict().items():
        assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize('name', ['backbones', '', 'neck.layers'])
def test_unknown_module(cnn, tmp_path, name):
    runner = build_runner(run_config(cnn, tmp_path, hooks=freezing(name)))
    with pytest.raises(ValueError, match='backbone, neck, head') as refused:
        runner.train()
    assert f'freeze=[{name!r}]' in str(refused.value)


def test_maps_frozen_by_accident_are_announced(vit, cnn, tmp_path):
    """``backbone`` of a FrozenLLMBackbone is more than its host."""
    said = {}
    for name, host, frozen in (('inside', vit, 'backbone'),
                               ('host', vit, 'backbone.backbone'),
                               ('beside', cnn, 'backbone')):
        runner = build_runner(
            run_config(host, tmp_path / name, hooks=freezing(frozen)))
        said[name] = []
        runner.logger.warning = said[name].append
        FreezeLLMHook(freeze=[frozen]).before_run(runner)
    assert 'maps are frozen' in said['inside'][0]
    assert 'backbone.backbone' in said['inside'][0]
    assert not said['host'] and not said['beside']


def at_second_step(write):
    """A call for a probe that writes once, in the middle of an epoch."""

    def call(runner):
        if runner.iter == 1:
            with torch.no_grad():
                write(runner.model)

    return call


FROZEN = ('blocks.0.attn.q.weight', 'blocks.0.ffn.down.weight',
          'blocks.0.attn_norm.weight', 'final_norm.weight')


@pytest.mark.parametrize('name', FROZEN)
def test_a_write_into_the_block_ends_the_run(cnn, tmp_path, name):
    runner = build_runner(run_config(cnn, tmp_path, hooks=freezing()))
    runner.register_hook(probe(
        'after_train_iter', at_second_step(
            lambda model: nudge(model.neck.layer.frozen_tensors()[name]))))
    with pytest.raises(BlockMismatchError, match='have changed'):
        runner.train()


def test_a_write_into_the_frozen_host_ends_the_run(cnn, tmp_path):
    runner = build_runner(
        run_config(cnn, tmp_path, hooks=freezing('backbone')))
    runner.register_hook(probe(
        'after_train_iter',
        at_second_step(lambda model: nudge(model.backbone.bn1.running_mean))))
    with pytest.raises(BlockMismatchError, match=r"\['backbone'\]"):
        runner.train()


def test_check_can_be_turned_off(cnn, tmp_path):
    hooks = freezing()
    hooks[0]['check_digest'] = False
    runner = build_runner(run_config(cnn, tmp_path, hooks=hooks))
    nudge(runner.model.neck.layer.frozen_tensors()[FROZEN[0]])
    runner.test()
    assert not any(h.check_digest for h in runner.hooks
                   if isinstance(h, FreezeLLMHook))


@pytest.mark.skipif(torch.cuda.is_available(), reason='runs on CPUs')
@pytest.mark.slow
def test_two_processes_without_unused_parameters(cnn, tmp_path):
    """DDP waits for no gradient of what is frozen."""
    cfg = run_config(cnn, tmp_path, hooks=freezing('backbone'))
    start = build_runner(cfg).model.state_dict()
    torch.save(dict(state_dict=start), tmp_path / 'start.pth')
    cfg.load_from = str(tmp_path / 'start.pth')
    cfg.train_dataloader.batch_size = 8
    assert not cfg.get('find_unused_parameters', False)
    for rank in train_in_two(cfg, tmp_path):
        assert rank['weights'].keys() == start.keys()
        for name, value in rank['weights'].items():
            if not name.endswith(('block_identity', 'layer_function')):
                same = torch.equal(value, start[name])
                assert same == name.startswith('backbone.'), name
