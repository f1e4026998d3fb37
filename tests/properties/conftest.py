"""How a host is trained, and the hosts as fixtures."""

import itertools
import os
from pathlib import Path
from types import SimpleNamespace

import lm4ve_point_cloud  # noqa: F401  (a project's host is among them)
import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

import lm4ve_mm.video  # noqa: F401  (and so is a video host)
from lm4ve_mm.models import find_llm_layers

from .hosts import HOSTS

ROOT = Path(__file__).parents[2]

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
