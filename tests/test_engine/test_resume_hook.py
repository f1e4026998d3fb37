"""Which checkpoint a run resumes from, and what it must have."""

import logging
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lm4ve_mm.engine.hooks import FindCheckpointHook, SafeCheckpointHook
from lm4ve_mm.engine.resume_checks import (
    PARTS,
    disarm_config,
    require_all_parts,
)
from lm4ve_mm.llm import CheckpointError


@pytest.fixture()
def choose(tmp_path):
    """Run the hook on a folder with checkpoints of epochs 2, 9 and 10."""
    for name in ('epoch_2.pth', 'epoch_9.pth', 'epoch_10.pth',
                 'best_accuracy_epoch_99.pth', 'notes.pth'):
        torch.save(dict(weights=torch.ones(999)), tmp_path / name)

    def run(pointer, resume=True, load_from=None):
        if pointer is not None:
            (tmp_path / 'last_checkpoint').write_text(pointer)
        runner = SimpleNamespace(
            work_dir=str(tmp_path), _resume=resume, _load_from=load_from,
            _has_loaded=False, model=nn.Linear(1, 1), rank=0, _hooks=[],
            logger=logging.getLogger('test_resume_hook'))
        FindCheckpointHook().before_run(runner)
        return runner._load_from

    return run


def test_empty_pointer_takes_the_newest(choose, tmp_path, caplog):
    """By number, not by name: 10 comes after 9; the best one is no step."""
    assert choose('') == str(tmp_path / 'epoch_10.pth')
    assert 'epoch_10.pth' in caplog.text


def test_lost_pointer_takes_the_newest(choose, tmp_path, caplog):
    assert choose(None) == str(tmp_path / 'epoch_10.pth')
    assert 'there is no' in caplog.text and 'last_checkpoint' in caplog.text


def test_moved_folder_takes_the_file_of_that_name(choose, tmp_path, caplog):
    assert choose('/gone/epoch_9.pth') == str(tmp_path / 'epoch_9.pth')
    assert '/gone/epoch_9.pth' in caplog.text


def test_copied_folder_takes_its_own_file(choose, tmp_path, tmp_path_factory,
                                          caplog):
    """Though the one that the pointer names is there as well."""
    original = tmp_path_factory.mktemp('original') / 'epoch_9.pth'
    original.write_bytes((tmp_path / 'epoch_9.pth').read_bytes())
    assert choose(str(original)) == str(tmp_path / 'epoch_9.pth')
    assert str(original) in caplog.text


def test_good_pointer_is_followed_without_a_word(choose, tmp_path, caplog):
    named = str(tmp_path / 'epoch_2.pth')
    assert choose(named) == named
    assert not caplog.text


def test_checkpoints_of_another_folder_are_followed(choose, tmp_path_factory):
    """``out_dir`` puts them there."""
    other = tmp_path_factory.mktemp('out') / 'epoch_11.pth'
    torch.save(dict(), other)
    assert choose(str(other)) == str(other)


@pytest.mark.parametrize('options', [
    dict(pointer='', resume=False), dict(pointer='', load_from='x.pth')],
    ids=str)
def test_nothing_is_chosen_where_nothing_is_asked(choose, options):
    assert choose(**options) == options.get('load_from')


def test_folder_without_checkpoints_starts_anew(choose, tmp_path, caplog):
    for file in tmp_path.glob('*.pth'):
        file.unlink()
    assert choose('') is None
    assert 'from its beginning' in caplog.text


def spoil(path, how):
    data = path.read_bytes()
    middle = bytes(b ^ 1 for b in data[1500:1600])
    path.write_bytes(dict(
        empty=b'', cut=data[:-30], half=data[:len(data) // 2],
        zeros=bytes(len(data)), flipped=data[:1500] + middle + data[1600:],
    )[how])


@pytest.mark.parametrize('how', ['empty', 'cut', 'half', 'zeros', 'flipped'])
def test_damaged_newest_falls_back_to_the_whole_one(choose, tmp_path, caplog,
                                                    how):
    newest = tmp_path / 'epoch_10.pth'
    spoil(newest, how)
    assert choose(str(newest)) == str(tmp_path / 'epoch_9.pth')
    assert f'{newest} ' in caplog.text and 'epoch_9.pth' in caplog.text


def test_damaged_file_that_was_asked_for_is_an_error(choose, tmp_path):
    asked = tmp_path / 'epoch_9.pth'
    spoil(asked, 'half')
    with pytest.raises(CheckpointError, match='ends too early') as caught:
        choose(None, load_from=str(asked))
    assert str(tmp_path / 'epoch_10.pth') in str(caught.value)


def test_all_damaged_is_an_error(choose, tmp_path):
    for file in tmp_path.glob('epoch_*.pth'):
        spoil(file, 'empty')
    with pytest.raises(CheckpointError, match='epoch_2.pth is empty'):
        choose('')


def resumed(digits, train, tmp_path, change, **options):
    """Train two of four epochs, change the last checkpoint, resume it."""
    cfg = digits.block_config(tmp_path, epochs=4)
    train(cfg, cut_at_iter=7)
    file = tmp_path / 'epoch_2.pth'
    held = digits.load(file)
    change(held)
    torch.save(held, tmp_path / 'changed.pth')
    cfg.merge_from_dict(dict(options, resume=True,
                             load_from=str(tmp_path / 'changed.pth')))
    return train(cfg)


@pytest.mark.parametrize('lost, words', [
    (('optimizer', 'param_schedulers'), 'optimizer.*schedules'),
    (('optimizer', ), "the optimizer's state"),
    (('param_schedulers', ), 'the schedules'),
    (('message_hub', ), 'the log'),
    (('meta', ), 'epoch and iteration')], ids=str)
def test_file_that_cannot_be_resumed(tmp_path, lost, words):
    torch.save(dict(), tmp_path / 'epoch_2.pth')
    held = {part: {} for part in PARTS}
    for part in lost:
        del held[part]
    runner = SimpleNamespace(_load_from=str(tmp_path / 'best_4.pth'),
                             param_schedulers=[object()])
    with pytest.raises(CheckpointError, match=words) as caught:
        require_all_parts(runner, held)
    assert str(tmp_path / 'epoch_2.pth') in str(caught.value)
    assert f'load_from={runner._load_from}' in str(caught.value)


def test_run_without_schedules_needs_none():
    held = {part: {} for part in PARTS if part != 'param_schedulers'}
    require_all_parts(SimpleNamespace(param_schedulers=None), held)


def test_best_checkpoint_is_not_resumed(digits, train, tmp_path):
    def change(held):
        del held['optimizer'], held['param_schedulers']

    with pytest.raises(CheckpointError, match='best_'):
        resumed(digits, train, tmp_path, change)
    assert not (tmp_path / 'epoch_3.pth').exists()


def test_config_of_a_checkpoint_is_not_executed(digits, train, tmp_path,
                                                said):
    proof = tmp_path / 'executed'
    code = f"gpu_ids = [0, 1]\nopen({str(proof)!r}, 'w').close()\n"
    resumed(digits, train, tmp_path,
            lambda held: held['meta'].update(config=code))
    assert not proof.exists()
    assert any('not executed' in line for line in said)
    assert any('2 processes' in line for line in said)
    assert (tmp_path / 'epoch_4.pth').is_file()


@pytest.mark.parametrize('code', [
    '(' * 9999, None, 3, 'gpu_ids = range(2)', '\0', 'gpu_ids = [0]'])
def test_config_that_is_none_of_ours(code):
    said = []
    meta = dict(config=code, epoch=2)
    disarm_config(SimpleNamespace(
        world_size=1, logger=SimpleNamespace(warning=said.append)), meta)
    assert meta == dict(epoch=2)
    assert len(said) == 1 and 'not executed' in said[0]


def test_what_goes_on_other_than_configured_is_said(digits, train, tmp_path,
                                                    said):
    """With both values."""
    resumed(digits, train, tmp_path, lambda held: None, **{
        'optim_wrapper.optimizer.lr': 5e-3,
        'optim_wrapper.optimizer.weight_decay': 0.3,
        'train_dataloader.batch_size': 12,
        'train_cfg.max_epochs': 2, 'param_scheduler.max_epochs': 2})
    for words in ("initial_lr=0.01, not with the config's 0.005",
                  "weight_decay=0.01, not with the config's 0.3",
                  'max_epochs=2 instead of 4',
                  '6 iterations in 2 epochs, but an epoch has 4',
                  'max_epochs=2: there is nothing left to train'):
        assert any(words in line for line in said), words


def test_schedule_of_mmengine_is_said_with_both_values(digits, train,
                                                       tmp_path, said):
    cfg = digits.block_config(tmp_path, epochs=4)
    cfg.param_scheduler = dict(type='mmengine.CosineAnnealingLR', T_max=4)
    train(cfg, cut_at_iter=7)
    cfg.param_scheduler.T_max = 9
    cfg.resume = True
    train(cfg)
    assert any('T_max=4 in the checkpoint, 9 in the config' in line
               for line in said)


def test_the_hook_of_mmengine_is_replaced(digits, train, tmp_path):
    cfg = digits.block_config(tmp_path)
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    hook, = [h for h in train(cfg).hooks if isinstance(h, SafeCheckpointHook)]
    assert hook.max_keep_ckpts == 2 and hook.interval == 1
    assert {f.name for f in tmp_path.glob('*.pth')} == {
        'epoch_2.pth', 'epoch_3.pth'}
