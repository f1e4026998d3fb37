"""FreezeLLMHook: what it says, what it freezes, what it notices."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lm4ve_mm.engine.hooks.freeze_hook import FreezeLLMHook
from lm4ve_mm.llm import BlockMismatchError

ROOT = Path(__file__).parents[2]
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
def test_report(cnn, tools, tmp_path, monkeypatch, frozen):
    """Once, though the run trains and tests."""
    cfg = tools.config(cnn, tmp_path, hooks=freezing(*frozen))
    runner = tools.build(cfg)
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


def test_frozen_backbone_stays_bit_for_bit(cnn, tools, tmp_path):
    """Its BatchNorm statistics too, in a run of two epochs."""
    runner = tools.build(
        tools.config(cnn, tmp_path, epochs=2, hooks=freezing('backbone')))
    before, modes = {}, []

    def note(runner):
        before.update(weights_and_statistics(runner.model))

    def note_mode(runner):
        modes.append((runner.model.training,
                      any(m.training
                          for m in runner.model.backbone.modules())))

    runner.register_hook(tools.Probe('before_train', note))
    runner.register_hook(tools.Probe('after_train_iter', note_mode))
    runner.train()
    assert modes == [(True, False)] * 6
    assert any(name.endswith('running_var') for name in before)
    for name, value in runner.model.state_dict().items():
        if name.endswith('block_identity'):
            continue
        same = torch.equal(value, before[name])
        assert same == name.startswith('backbone.'), name
    state = torch.load(
        tmp_path / 'epoch_2.pth', weights_only=True)['optimizer']['state']
    trained = [p for p in runner.model.parameters() if p.requires_grad]
    assert len(state) == len(trained) == 6


def test_without_freeze_the_backbone_moves(cnn, tools, tmp_path):
    """Guards the test above: all of it would move."""
    runner = tools.build(tools.config(cnn, tmp_path, hooks=freezing()))
    before = {}
    runner.register_hook(tools.Probe(
        'before_train',
        lambda r: before.update(weights_and_statistics(r.model.backbone))))
    runner.train()
    for name, value in runner.model.backbone.state_dict().items():
        assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize('name', ['backbones', '', 'neck.layers'])
def test_unknown_module(cnn, tools, tmp_path, name):
    runner = tools.build(tools.config(cnn, tmp_path, hooks=freezing(name)))
    with pytest.raises(ValueError, match='backbone, neck, head') as refused:
        runner.train()
    assert f'freeze=[{name!r}]' in str(refused.value)


def test_maps_frozen_by_accident_are_announced(vit, cnn, tools, tmp_path):
    """``backbone`` of a FrozenLLMBackbone is more than its host."""
    said = {}
    for name, host, frozen in (('inside', vit, 'backbone'),
                               ('host', vit, 'backbone.backbone'),
                               ('beside', cnn, 'backbone')):
        runner = tools.build(
            tools.config(host, tmp_path / name, hooks=freezing(frozen)))
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


def nudge(tensor):
    """Change one value by the least there is."""
    flat = tensor.view(-1)
    flat[0] = torch.nextafter(flat[0].float(), torch.tensor(9e3))


FROZEN = ('blocks.0.attn.q.weight', 'blocks.0.ffn.down.weight',
          'blocks.0.attn_norm.weight', 'final_norm.weight')


@pytest.mark.parametrize('name', FROZEN)
def test_a_write_into_the_block_ends_the_run(cnn, tools, tmp_path, name):
    runner = tools.build(tools.config(cnn, tmp_path, hooks=freezing()))
    runner.register_hook(tools.Probe(
        'after_train_iter', at_second_step(
            lambda model: nudge(model.neck.layer.frozen_tensors()[name]))))
    with pytest.raises(BlockMismatchError, match='have changed'):
        runner.train()


def test_a_write_into_the_frozen_host_ends_the_run(cnn, tools, tmp_path):
    runner = tools.build(
        tools.config(cnn, tmp_path, hooks=freezing('backbone')))
    runner.register_hook(tools.Probe(
        'after_train_iter',
        at_second_step(lambda model: nudge(model.backbone.bn1.running_mean))))
    with pytest.raises(BlockMismatchError, match=r"\['backbone'\]"):
        runner.train()


def test_a_write_before_the_test_is_noticed(host, tools, tmp_path):
    runner = tools.build(tools.config(host, tmp_path))
    tensors = tools.layer_of(runner.model).frozen_tensors()
    nudge_wide(tensors['blocks.0.attn.v.weight'])
    with pytest.raises(BlockMismatchError, match='have changed'):
        runner.test()


def nudge_wide(tensor):
    """As :func:`nudge`, in the tensor's own type."""
    flat = tensor.view(-1)
    flat[0] = torch.nextafter(flat[0], torch.tensor(9e3, dtype=tensor.dtype))


def test_check_can_be_turned_off(cnn, tools, tmp_path):
    hooks = freezing()
    hooks[0]['check_digest'] = False
    runner = tools.build(tools.config(cnn, tmp_path, hooks=hooks))
    nudge(runner.model.neck.layer.frozen_tensors()[FROZEN[0]])
    runner.test()
    assert not any(h.check_digest for h in runner.hooks
                   if isinstance(h, FreezeLLMHook))


@pytest.mark.skipif(torch.cuda.is_available(), reason='launches on CPU')
def test_two_processes_without_unused_parameters(cnn, tools, tmp_path):
    """DDP waits for no gradient of what is frozen."""
    cfg = tools.config(cnn, tmp_path, hooks=freezing('backbone'))
    start = tools.build(cfg).model.state_dict()
    torch.save(dict(state_dict=start), tmp_path / 'start.pth')
    cfg.load_from = str(tmp_path / 'start.pth')
    cfg.log_level = 'INFO'
    cfg.train_dataloader.batch_size = 8
    cfg.dump(tmp_path / 'cfg.py')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
         f'--master_port={port}', 'tools/train.py', tmp_path / 'cfg.py',
         '--launcher', 'pytorch', '--work-dir', tmp_path / 'work'],
        cwd=ROOT, capture_output=True, text=True,
        env=tools.environment())
    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert 'GPU number: 2' in log
    assert 'find_unused_parameters=True' not in log
    saved = torch.load(
        tmp_path / 'work' / 'epoch_1.pth', weights_only=True)['state_dict']
    assert saved.keys() == start.keys()
    for name, value in saved.items():
        if not name.endswith('block_identity'):
            same = torch.equal(value, start[name])
            assert same == name.startswith('backbone.'), name
