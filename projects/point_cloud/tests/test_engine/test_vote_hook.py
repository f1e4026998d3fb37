"""When votes are taken during training, and what becomes of them."""

import json
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from lm4ve_point_cloud.engine import VoteHook
from lm4ve_point_cloud.evaluation import VoteAccuracy
from lm4ve_point_cloud.models import PointVoteTTA
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from lm4ve_mm.registry import MODELS

numbers = count()


class Fixed(VoteHook):
    """Votes that are known before."""

    def __init__(self, votes, **options):
        super().__init__(**options)
        self.votes = iter(votes)

    def _vote(self, runner):
        return next(self.votes)


@pytest.fixture()
def runner(request):
    saved = []
    lines = []
    return SimpleNamespace(
        message_hub=MessageHub(request.node.name), saved=saved, work_dir='w',
        epoch=7, iter=70, logger=SimpleNamespace(info=lines.append),
        lines=lines,
        save_checkpoint=lambda folder, name, **_: saved.append(name))


def voted(runner, hook, accuracies):
    """Feed accuracies; tell where votes were taken."""
    found = []
    for accuracy in accuracies:
        left = hook.votes.__length_hint__()
        hook.after_val_epoch(runner, {'accuracy/top1': accuracy})
        found.append(hook.votes.__length_hint__() < left)
    return found


def test_when_votes_are_taken(runner):
    """Above 91.5 always; above 90 if it is the best; never at or below."""
    hook = Fixed([93.] * 9)
    accuracies = [89., 90., 90.5, 90.5, 90.2, 91.5, 91.6, 91.55, 91.2]
    assert voted(runner, hook, accuracies) == [
        False, False, True, False, False, True, True, True, False]


def test_the_best_votes_are_kept_over_a_resume(runner):
    voted(runner, Fixed([92., 91., 93.]), [91.6, 91.7, 91.8])
    assert runner.saved == ['best_vote.pth'] * 2
    # Another hook, as after a resume: the hub remembers.
    assert voted(runner, Fixed([92.5, 94.]), [91.1, 91.9, 92.]) == [
        False, True, True]
    assert runner.saved == ['best_vote.pth'] * 3
    assert runner.lines[-2:] == [
        'VoteHook: accuracy/vote 94.0000 after epoch 7, without votes 92.0000',
        'VoteHook: the best one, epoch 7, saved as w/best_vote.pth']


def test_metric_that_there_is_not(runner):
    with pytest.raises(KeyError, match='accuracy/top1'):
        Fixed([], key='top').after_val_epoch(runner, {'accuracy/top1': 1.})


def config(tmp_path, **more):
    pipeline = [dict(type='lm4ve_mm.FarthestPointSample', num_points=64),
                dict(type='lm4ve_mm.PackPoints')]
    pool = [dict(pipeline[0], pool=True), pipeline[1]]
    loader = dict(
        batch_size=15,
        num_workers=0,
        dataset=dict(
            type='lm4ve_mm.PointShapes', split='train', count=30,
            num_points=128, data_root=str(tmp_path / 'data'), pipeline=pool),
        sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
    tested = dict(loader, dataset=dict(loader['dataset'], pipeline=pipeline))
    return Config(dict(
        default_scope='mmpretrain', work_dir=str(tmp_path),
        experiment_name=tmp_path.name, log_level='ERROR',
        randomness=dict(seed=0),
        model=dict(
            type='lm4ve_mm.PointCloudClassifier',
            data_preprocessor=dict(
                type='lm4ve_mm.PointCloudPreprocessor', num_points=64),
            backbone=dict(
                type='lm4ve_mm.PointBERT', num_groups=8, group_size=8,
                embed_dims=16, num_layers=1, num_heads=2,
                feedforward_channels=32, encoder_hidden=(8, 16, 16)),
            neck=dict(type='lm4ve_mm.TokenPoolingNeck', in_channels=16,
                      pooling='cls_max'),
            head=dict(type='lm4ve_mm.PointBERTHead', in_channels=32,
                      num_classes=15)),
        train_dataloader=loader, val_dataloader=tested,
        val_evaluator=dict(type='lm4ve_mm.VoteAccuracy'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        train_cfg=dict(by_epoch=True, max_epochs=1), val_cfg=dict(),
        custom_hooks=[
            dict(type='lm4ve_mm.VoteHook', above=-1., num_votes=2),
            dict(type='lm4ve_mm.PlainCheckpointHook')
        ],
        **more))


POOL = [dict(type='lm4ve_mm.FarthestPointSample', num_points=64, pool=True),
        dict(type='lm4ve_mm.PackPoints')]


def trained(tmp_path, *hooks, epochs=2, **more):
    """A training with these hooks in the place of the config's."""
    cfg = config(tmp_path, tta_pipeline=POOL, **more)
    cfg.experiment_name = f'{tmp_path.name}_{next(numbers)}'
    cfg.train_cfg.max_epochs = epochs
    cfg.custom_hooks = cfg.custom_hooks[1:]
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


class Seeded(VoteHook):
    """Draws the same numbers for every vote, and tells what came of it."""

    def __init__(self, **options):
        super().__init__(above=-1., num_votes=2, **options)
        self.found = []

    def _vote(self, runner):
        torch.manual_seed(7)
        self.found.append(super()._vote(runner))
        return self.found[-1]


def test_in_a_real_run(tmp_path, monkeypatch):
    """Votes are those of the voting model on what is saved, bit for bit."""
    logits = []
    process = VoteAccuracy.process

    def noted(metric, batch, samples):
        logits.extend(s['vote_logits'] for s in samples if 'vote_logits' in s)
        process(metric, batch, samples)

    monkeypatch.setattr(VoteAccuracy, 'process', noted)
    hook = Seeded()
    runner = trained(tmp_path, hook)
    assert len(hook.found) == 2 and len(logits) == 2 * 30
    by_hook = torch.stack(logits).view(2, 30, 1, -1)
    assert not torch.equal(*by_hook)
    loader = runner.cfg.val_dataloader
    loader.dataset.pipeline = POOL
    loader = Runner.build_dataloader(loader)
    for epoch, (vote, wanted) in enumerate(zip(
            hook.found, by_hook, strict=True), start=1):
        held = torch.load(tmp_path / f'epoch_{epoch}.pth', weights_only=True)
        model = MODELS.build(runner.cfg.model)
        model.load_state_dict(held['state_dict'], strict=True)
        voting = PointVoteTTA(model.eval(), num_votes=2, num_runs=1)
        evaluator = Evaluator(dict(type='lm4ve_mm.VoteAccuracy'))
        logits.clear()
        torch.manual_seed(7)
        for batch in loader:
            evaluator.process(voting.test_step(batch), batch)
        assert torch.equal(torch.stack(logits), wanted)
        assert evaluator.evaluate(30)['accuracy/vote_mean'] == vote


def kept(tmp_path):
    return torch.load(tmp_path / 'best_vote.pth', weights_only=True)


def test_what_is_kept_of_the_best(tmp_path):
    """The model of its epoch, without the optimizer, and which one it is."""
    trained(tmp_path, Fixed([20., 10.], above=-1.))
    held = kept(tmp_path)
    assert 'optimizer' not in held
    assert (held['meta']['epoch'], held['meta']['iter']) == (1, 2)
    assert held['meta']['vote_hook']['vote'] == 20.
    first, second = (torch.load(tmp_path / f'epoch_{epoch}.pth',
                                weights_only=True)['state_dict']
                     for epoch in (1, 2))
    assert all(torch.equal(held['state_dict'][n], first[n]) for n in first)
    assert not all(torch.equal(second[n], first[n]) for n in first)


class OnceOnly(Fixed):
    """Is content after its first vote."""

    def _vote(self, runner):
        self.above = self.best_above = 100.
        return super()._vote(runner)


def test_an_epoch_without_votes_logs_none(tmp_path):
    trained(tmp_path, OnceOnly([20.], above=-1.))
    scalars, = tmp_path.glob('*/vis_data/scalars.json')
    logged = [json.loads(line) for line in scalars.read_text().splitlines()]
    logged = [line for line in logged if 'accuracy/top1' in line]
    assert [line.get('accuracy/vote') for line in logged] == [20., None]


class Killed(Hook):
    """Ends a run after its first vote."""

    priority = 'LOWEST'

    def after_val_epoch(self, runner, metrics=None):
        raise KeyboardInterrupt


@pytest.mark.parametrize('later, best', [(19., (20., 1)), (21., (21., 2))])
def test_killed_after_a_vote(tmp_path, later, best):
    """epoch_1.pth, which is resumed, was written before that vote."""
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, Fixed([20.], above=-1.), Killed())
    before = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert 'vote_hook' not in before['message_hub']['runtime_info']
    trained(tmp_path, Fixed([later], above=-1.), resume=True)
    meta = kept(tmp_path)['meta']
    assert (meta['vote_hook']['vote'], meta['epoch']) == best


def test_a_new_run_forgets_the_best_of_an_old_one(tmp_path):
    trained(tmp_path, Fixed([20.], above=-1.), epochs=1)
    trained(tmp_path, Fixed([10.], above=-1.), epochs=1)
    assert kept(tmp_path)['meta']['vote_hook']['vote'] == 10.


def test_without_a_pipeline_for_votes(tmp_path):
    runner = Runner.from_cfg(config(tmp_path))
    with pytest.raises(ValueError, match='needs tta_pipeline'):
        runner.train()
