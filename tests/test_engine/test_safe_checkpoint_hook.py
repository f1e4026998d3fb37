"""Checkpoints that a mishap, a resume or another run cannot take away."""

import multiprocessing
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.fileio.backends import LocalBackend
from mmengine.registry import METRICS

from lm4ve_mm.engine.errors import NonFiniteError, WorkDirInUseError
from lm4ve_mm.engine.work_dir_lock import NAME, lock_work_dir

FORK = multiprocessing.get_context('fork')
BEST = dict(max_keep_ckpts=1, save_best='made/up', rule='greater')


class PowerCut(BaseException):
    """Nothing below expects or handles it."""


def fall(*_, **__):
    raise PowerCut


@pytest.fixture
def scores():
    """Scores of the validations to come; registers a metric of them."""
    given = {}

    @METRICS.register_module(name='MadeUp', force=True)
    class MadeUp(BaseMetric):

        default_prefix = 'made'
        epochs = []

        def process(self, data_batch, data_samples):
            self.results.append(0)

        def compute_metrics(self, results):
            epoch = given['runner'].epoch
            self.epochs.append(epoch)
            return dict(up=given['scores'][epoch - 1])

    given['metric'] = MadeUp
    return given


@pytest.fixture
def best(digits, train, scores, tmp_path):
    """Trains with made-up scores; the best is kept beside the last."""

    def run(values, *hooks, resume=False, work_dir=tmp_path, **options):
        cfg = digits.block_config(work_dir, epochs=len(values))
        cfg.default_hooks.checkpoint.update(BEST)
        cfg.val_evaluator = dict(type='MadeUp')
        cfg.merge_from_dict(dict(options, resume=resume))
        scores['scores'] = values

        def note(runner):
            scores['runner'] = runner

        return train(cfg, hooks=[digits.At('before_run', note), *hooks])

    return run


def names(folder):
    return sorted(f.name for f in folder.glob('*.pth'))


@pytest.mark.parametrize('count', [1, 3])
def test_there_is_a_whole_checkpoint_at_every_removal(best, tmp_path,
                                                      monkeypatch, count,
                                                      digits):
    """Killed right after the N-th removal, the run resumes and ends alike."""
    removed = []
    remove = LocalBackend.remove

    def remove_and_die(self, path):
        remove(self, path)
        removed.append(Path(path).name)
        if len(removed) == count:
            raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, 'remove', remove_and_die)
        with pytest.raises(PowerCut):
            best([.1, .2, .3, .4])
    assert any(name.startswith('epoch_') for name in names(tmp_path))
    best([.1, .2, .3, .4], resume=True)
    assert names(tmp_path) == ['best_made_up_epoch_4.pth', 'epoch_4.pth']


def test_surplus_of_a_killed_run_is_removed(best, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, 'remove', fall)
        with pytest.raises(PowerCut):
            best([.3, .2, .1])
    assert names(tmp_path) == ['best_made_up_epoch_1.pth', 'epoch_1.pth',
                               'epoch_2.pth']
    best([.3, .2, .1], resume=True)
    assert names(tmp_path) == ['best_made_up_epoch_1.pth', 'epoch_3.pth']


@pytest.mark.parametrize('point', ['before_val', 'before_val_iter',
                                   'after_val_epoch'])
def test_killed_validation_is_made_up_for(best, scores, digits, tmp_path,
                                          point):
    """The best one is of the epoch that was being validated."""
    values = [.1, .9, .5]
    cut = digits.At(point, fall, lambda runner: runner.epoch == 2)
    with pytest.raises(PowerCut):
        best(values, cut)
    scores['metric'].epochs.clear()
    runner = best(values, resume=True)
    assert scores['metric'].epochs == [2, 3]
    assert names(tmp_path) == ['best_made_up_epoch_2.pth', 'epoch_3.pth']
    assert runner.message_hub.get_info('best_score') == .9


def test_killed_after_the_validation(best, scores, digits, tmp_path):
    """A best score that is on no checkpoint yet is not forgotten."""
    values = [.5, .4, .45]
    cut = digits.At('before_train_epoch', fall, lambda r: r.epoch == 2)
    with pytest.raises(PowerCut):
        best(values, cut)
    best(values, resume=True)
    assert names(tmp_path) == ['best_made_up_epoch_1.pth', 'epoch_3.pth']


def test_a_validated_checkpoint_is_not_validated_again(best, scores, digits):
    """It was saved once more when it turned out to be the best."""
    values = [.1, .9, .5]
    cut = digits.At('before_train_epoch', fall, lambda r: r.epoch == 2)
    with pytest.raises(PowerCut):
        best(values, cut)
    scores['metric'].epochs.clear()
    best(values, resume=True)
    assert scores['metric'].epochs == [3]


def test_the_last_validation_is_made_up_for_too(best, scores, digits,
                                                tmp_path):
    cut = digits.At('before_val', fall, lambda runner: runner.epoch == 2)
    with pytest.raises(PowerCut):
        best([.1, .2], cut)
    best([.1, .2], resume=True)
    assert names(tmp_path) == ['best_made_up_epoch_2.pth', 'epoch_2.pth']


def change_hub(file, target, digits, **info):
    """A checkpoint whose message hub says something else."""
    held = digits.load(file)
    held['message_hub']['runtime_info'].update(info)
    held['message_hub']['resumed_keys'].update(dict.fromkeys(info, True))
    torch.save(held, target)


@pytest.fixture(scope='module')
def trained_once():
    """Where a run lies that several tests begin with."""
    return []


@pytest.fixture
def two_epochs(best, trained_once, tmp_path_factory):
    """The folder of a run of two epochs, trained once for this file."""
    if not trained_once:
        trained_once.append(tmp_path_factory.mktemp('two'))
        best([.1, .2], work_dir=trained_once[0])
    return trained_once[0]


@pytest.mark.parametrize('kind', [
    'folder', 'file', 'link', 'other file', 'ids'])
def test_resuming_removes_nothing_elsewhere(best, digits, two_epochs,
                                            tmp_path, kind):
    outside = tmp_path / 'outside'
    outside.mkdir()
    victim = outside / 'best_made_up_epoch_1.pth'
    victim.write_text('three years')
    work = tmp_path / 'work'
    work.mkdir()
    info = dict(best_score=-1., best_ckpt=dict(
        folder=outside, link=work / victim.name,
        ids=None).get(kind, victim))
    if kind == 'link':
        info['best_ckpt'].symlink_to(victim)
    if kind == 'other file':
        info['best_ckpt'] = victim = work / 'thesis.pth'
        victim.write_text('three years')
    info['best_ckpt'] = str(info['best_ckpt'] or '')
    if kind == 'ids':
        info['keep_ckpt_ids'] = ['/../../outside', 2.5, None, 0, 1, 2]
    change_hub(two_epochs / 'epoch_2.pth', tmp_path / 'evil.pth', digits,
               **info)
    best([.1, .2, .3, .4], resume=True, work_dir=work,
         load_from=str(tmp_path / 'evil.pth'))
    assert victim.read_text() == 'three years'
    assert victim.exists() and outside.is_dir()
    assert {'best_made_up_epoch_4.pth', 'epoch_4.pth'} <= set(names(work))
    assert 'epoch_3.pth' not in names(work)


def test_a_copied_work_folder_leaves_the_original_alone(best, tmp_path):

    run, copy = tmp_path / 'run', tmp_path / 'copy'
    best([.1, .2], work_dir=run)
    before = names(run)
    shutil.copytree(run, copy)
    best([.1, .2, .3], resume=True, work_dir=copy)
    assert names(run) == before
    assert names(copy) == ['best_made_up_epoch_3.pth', 'epoch_3.pth']


def poison(runner):
    with torch.no_grad():
        runner.model.neck.layer.map_in.weight[0, 0] = float('nan')


def all_finite(file, digits):
    return all(torch.isfinite(t).all() for t in digits.load(
        file)['state_dict'].values() if t.is_floating_point())


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(
        best, digits, tmp_path):
    """Weights after the 5th iteration, so the 6th loss."""
    with pytest.raises(NonFiniteError, match='first in iteration 6') as caught:
        best([.1, .2, .3], digits.At(
            'after_train_iter', poison, lambda runner: runner.iter == 4))
    assert 'tensors of the model hold NaN or infinity by iteration 6' in str(
        caught.value)
    assert str(tmp_path / 'epoch_1.pth') in str(caught.value)
    assert names(tmp_path) == ['best_made_up_epoch_1.pth', 'epoch_1.pth']
    for name in names(tmp_path):
        assert all_finite(tmp_path / name, digits)


def test_nan_is_noticed_before_the_epoch_ends(best, digits, tmp_path):
    cfg = {'default_hooks.checkpoint.check_interval': 2,
           'default_hooks.checkpoint.type': 'lm4ve_mm.SafeCheckpointHook'}
    at = []
    with pytest.raises(NonFiniteError, match='by iteration 2'):
        best([.1, .2], digits.At('after_train_iter', poison,
                                 lambda runner: runner.iter == 1),
             digits.At('after_train_iter', lambda r: at.append(r.iter)),
             **cfg)
    assert at == [0, 1]


def test_going_on_saves_no_nan(best, digits, tmp_path, said):
    best([.1, .2, .3],
         digits.At('after_train_iter', poison, lambda r: r.iter == 4),
         **{'default_hooks.checkpoint.non_finite': 'go_on',
            'default_hooks.checkpoint.type': 'lm4ve_mm.SafeCheckpointHook'})
    assert names(tmp_path) == ['best_made_up_epoch_1.pth', 'epoch_1.pth']
    assert any('first in iteration 6' in line and 'saves no such' in line
               for line in said)


def test_unknown_answer_to_nan():
    from lm4ve_mm.engine.hooks import SafeCheckpointHook
    with pytest.raises(ValueError, match='stop, go_on'):
        SafeCheckpointHook(non_finite='ignore')


def flat(state):
    return {f'{key}.{name}': value for key, held in state['state'].items()
            for name, value in held.items()}


@pytest.mark.parametrize('counts', [
    pytest.param(2, marks=pytest.mark.slow), 4])
def test_accumulation_across_epochs_resumes_exactly(digits, train, tmp_path,
                                                    counts):
    """Three iterations an epoch, a step every two or four."""
    ends = []
    for name in ('whole', 'cut'):
        cfg = digits.block_config(tmp_path / name)
        cfg.optim_wrapper.accumulative_counts = counts
        train(cfg, cut_at_iter=4 if name == 'cut' else None)
        if name == 'cut':
            cfg.resume = True
            train(cfg)
        ends.append(digits.load(tmp_path / name / 'epoch_3.pth'))
    whole, cut = ends
    for name, tensor in whole['state_dict'].items():
        assert torch.equal(tensor, cut['state_dict'][name]), name
    a, b = flat(whole['optimizer']), flat(cut['optimizer'])
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    held = digits.load(tmp_path / 'whole' / 'epoch_1.pth')
    assert len(held['pending_gradients']) > 10


def hold(folder, held):
    """Lock a folder until this process is killed."""
    lock_work_dir(folder)
    held.set()
    signal.pause()


def test_two_trainings_in_one_work_folder(digits, train, tmp_path):
    held = FORK.Event()
    holder = FORK.Process(target=hold, args=(tmp_path, held), daemon=True)
    holder.start()
    try:
        assert held.wait(60)
        with pytest.raises(WorkDirInUseError,
                           match=f'process {holder.pid} on'):
            train(digits.block_config(tmp_path))
        assert not names(tmp_path)
    finally:
        holder.kill()
        holder.join()
    # The file is there, the lock is not.
    assert (tmp_path / NAME).is_file()
    train(digits.block_config(tmp_path))
    assert 'epoch_3.pth' in names(tmp_path)


def test_one_process_may_hold_a_folder_twice(tmp_path):
    assert lock_work_dir(tmp_path) and lock_work_dir(f'{tmp_path}/.')


