"""A tiny classifier on digits, for tests that need a whole run."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

EMA = dict(type='lm4ve_mm.RawEvalEMAHook', momentum=0.1)
SEED = dict(type='lm4ve_mm.EpochSeedHook')
PLAIN = dict(type='lm4ve_mm.PlainCheckpointHook')
FREEZE = dict(type='lm4ve_mm.FreezeLLMHook')
FIND = dict(type='lm4ve_mm.FindCheckpointHook')
# As configs/_base_/hooks.py, without what looks at the data.
ALL = (FIND, SEED, FREEZE, PLAIN)


def digits_config(work_dir, num_workers=0, hooks=(EMA, SEED, PLAIN)):
    """Three epochs of three steps with drop path, mixup and an EMA."""
    pipeline = [
        dict(type='mmpretrain.RandomFlip', prob=0.5),
        dict(
            type='mmpretrain.Rotate',
            magnitude_range=(0., 30.),
            random_negative_prob=0.5,
            prob=1.),
        dict(type='mmpretrain.PackInputs')
    ]
    loader = dict(
        batch_size=16,
        num_workers=num_workers,
        worker_init_fn=dict(type='lm4ve_mm.seed_worker'),
        dataset=dict(
            type='lm4ve_mm.Digits',
            split='train',
            indices=48,
            pipeline=pipeline),
        sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
    return Config(
        dict(
            default_scope='mmpretrain',
            work_dir=str(work_dir),
            log_level='ERROR',
            randomness=dict(seed=3),
            model=dict(
                type='mmpretrain.ImageClassifier',
                data_preprocessor=dict(
                    type='mmpretrain.ClsDataPreprocessor',
                    num_classes=10,
                    mean=[78.] * 3,
                    std=[96.] * 3),
                backbone=dict(
                    type='mmpretrain.VisionTransformer',
                    arch=dict(
                        embed_dims=16,
                        num_layers=2,
                        num_heads=2,
                        feedforward_channels=32),
                    img_size=8,
                    patch_size=4,
                    drop_path_rate=0.5),
                head=dict(
                    type='mmpretrain.VisionTransformerClsHead',
                    num_classes=10,
                    in_channels=16,
                    loss=dict(
                        type='mmpretrain.LabelSmoothLoss',
                        label_smooth_val=0.1,
                        mode='original')),
                train_cfg=dict(
                    augments=dict(type='mmpretrain.Mixup', alpha=0.8))),
            train_dataloader=loader,
            optim_wrapper=dict(
                type='mmengine.OptimWrapper',
                optimizer=dict(type='AdamW', lr=1e-2)),
            param_scheduler=dict(
                type='lm4ve_mm.WarmupCosineLR', warmup_epochs=1,
                max_epochs=3),
            train_cfg=dict(by_epoch=True, max_epochs=3),
            custom_hooks=list(hooks)))


def block_config(work_dir, hooks=ALL, epochs=3):
    """The same host around a random block, validated after each epoch."""
    cfg = digits_config(work_dir, hooks=hooks)
    cfg.model.backbone.update(out_type='raw', final_norm=False)
    cfg.model.neck = dict(
        type='lm4ve_mm.FrozenLLMNeck',
        in_channels=16,
        llm=dict(
            init='random',
            geometry=dict(width=32, num_heads=4, ffn_dim=64)))
    cfg.train_cfg.update(max_epochs=epochs, val_interval=1)
    cfg.param_scheduler.update(
        max_epochs=epochs, warmup_epochs=min(1, epochs - 1))
    loader = cfg.train_dataloader.copy()
    loader.sampler = dict(type='mmengine.DefaultSampler', shuffle=False)
    for stage in ('val', 'test'):
        cfg[f'{stage}_dataloader'] = loader
        cfg[f'{stage}_cfg'] = dict()
        cfg[f'{stage}_evaluator'] = dict(type='mmpretrain.Accuracy')
    cfg.default_hooks = dict(
        checkpoint=dict(
            type='mmengine.CheckpointHook',
            interval=1,
            backend_args=dict(backend='lm4ve_mm.atomic')))
    return cfg


class At(Hook):
    """Calls a function at one point of the run, before the other hooks."""

    priority = 'HIGHEST'

    def __init__(self, point, call, when=lambda runner: True):
        setattr(self, point,
                lambda runner, *_, **__: when(runner) and call(runner))


@pytest.fixture
def train(tmp_path):
    """A function that trains one config to its end, or to a power cut.

    ``mode='test'`` tests it instead; more hooks may follow.
    """
    count = iter(range(100))

    def run(cfg, cut_at_iter=None, mode='train', hooks=()):
        name = f'{tmp_path.name}_{next(count)}'
        cfg = Config(dict(cfg._cfg_dict, experiment_name=name))
        try:
            runner = Runner.from_cfg(cfg)
            for hook in hooks:
                runner.register_hook(hook)
            if cut_at_iter is not None:
                step = runner.model.train_step

                def train_step(*args, **kwargs):
                    if runner.iter == cut_at_iter:
                        raise KeyboardInterrupt('power cut')
                    return step(*args, **kwargs)

                runner.model.train_step = train_step
            try:
                getattr(runner, mode)()
            except KeyboardInterrupt:
                pass
            return runner
        finally:
            # A Runner leaves its scope behind; the next test starts clean.
            DefaultScope._instance_dict.clear()

    return run


def load(path):
    """A checkpoint, under torch's safe default."""
    return torch.load(path, map_location='cpu', weights_only=True)


@pytest.fixture
def digits():
    """The helpers of this file, since test modules cannot import it."""
    return SimpleNamespace(
        config=digits_config, load=load, ema=EMA, seed=SEED, plain=PLAIN,
        block_config=block_config, At=At, freeze=FREEZE, find=FIND)


@pytest.fixture
def said(monkeypatch):
    """What any runner logs as a warning."""
    lines = []

    def note(self, level, text, *_, **__):
        if level >= logging.WARNING:
            lines.append(text)

    monkeypatch.setattr(MMLogger, 'log', note)
    monkeypatch.setattr(
        MMLogger, 'warning', lambda self, text, *_, **__: lines.append(text))
    return lines
