"""When votes are taken during training, and what becomes of them."""

from types import SimpleNamespace

import pytest
import torch
from lm4ve_point_cloud.engine import VoteHook
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from lm4ve_mm.registry import MODELS


@pytest.fixture(autouse=True)
def clean_scope():
    """A Runner leaves its default scope behind."""
    yield
    DefaultScope._instance_dict.clear()


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
    return SimpleNamespace(
        message_hub=MessageHub(request.node.name), saved=saved, work_dir='w',
        logger=SimpleNamespace(info=lambda text: None),
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
    scalar = runner.message_hub.get_scalar('val/accuracy/vote')
    assert scalar.data[0].tolist() == [92., 91., 93., 92.5, 94.]


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


def test_in_a_real_run(tmp_path):
    """Votes are those of the voting model, and training goes on in mode."""
    pool = [dict(type='lm4ve_mm.FarthestPointSample', num_points=64,
                 pool=True), dict(type='lm4ve_mm.PackPoints')]
    cfg = config(tmp_path, tta_pipeline=pool)
    runner = Runner.from_cfg(cfg)
    runner.train()
    vote = runner.message_hub.get_scalar('val/accuracy/vote').current()
    assert 0 <= vote <= 100
    held = torch.load(tmp_path / 'best_vote.pth', weights_only=True)
    assert 'optimizer' not in held
    model = MODELS.build(cfg.model)
    model.load_state_dict(held['state_dict'], strict=True)


def test_without_a_pipeline_for_votes(tmp_path):
    runner = Runner.from_cfg(config(tmp_path))
    with pytest.raises(ValueError, match='needs tta_pipeline'):
        runner.train()
