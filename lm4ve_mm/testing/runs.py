"""Short runs of a host: their config, their runner, what looks at them."""

import copy
import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from lm4ve_mm.models import find_llm_layers

from .host import Host

EMA = dict(type='lm4ve_mm.RawEvalEMAHook', momentum=0.1)
# As in configs/_base_/runtime.py.
HOOKS = (EMA, dict(type='lm4ve_mm.EpochSeedHook'),
         dict(type='lm4ve_mm.FindCheckpointHook'),
         dict(type='lm4ve_mm.FreezeLLMHook'),
         dict(type='lm4ve_mm.PlainCheckpointHook'))
_numbers = itertools.count()


class PowerCut(BaseException):
    """Ends a run at once: nothing expects or handles it."""


def run_config(host: Host, work_dir, epochs: int = 1, hooks=HOOKS,
               llm: dict | None = None) -> Config:
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
            custom_imports=dict(imports=['lm4ve_mm.plugin', *host.imports]),
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
            # The rate changes at every step: a schedule that is not resumed
            # is seen.
            param_scheduler=dict(
                type='mmengine.PolyLR', by_epoch=False, end=100),
            default_hooks=dict(
                checkpoint=dict(
                    type='mmengine.CheckpointHook',
                    interval=1,
                    backend_args=dict(backend='lm4ve_mm.atomic'))),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            test_cfg=dict(),
            test_evaluator=host.metric,
            custom_hooks=list(hooks)))


def build_runner(cfg: Config, *hooks: Hook) -> Runner:
    """A runner under a name of its own, with more hooks if given."""
    cfg = copy.deepcopy(cfg)
    cfg.experiment_name = f'tested_{next(_numbers)}'
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def layer_of(model: nn.Module) -> nn.Module:
    """The one inserted layer of a model."""
    layer, = find_llm_layers(model).values()
    return layer


def probe(point: str, call: Callable[[Runner], None]) -> Hook:
    """A hook that calls a function at one point, before the other hooks."""
    hook = Hook()
    hook.priority = 'HIGHEST'
    setattr(hook, point, lambda runner, *_, **__: call(runner))
    return hook


class StopAfterEpoch(Hook):
    """Ends the run after some epochs, validation included.

    The length of the run stays that of the recipe, on which its schedule
    may depend.
    """

    def __init__(self, epochs: int = 1) -> None:
        self.epochs = epochs

    def after_train_epoch(self, runner) -> None:
        """Tell the loop that it is done."""
        if runner.epoch + 1 == self.epochs:
            runner.train_loop.stop_training = True


class Trained(NamedTuple):
    """A run after one epoch.

    ``names`` are those of all parameters, ``moved`` of those that the
    training changed.
    """

    runner: Runner
    names: set[str]
    moved: set[str]


def train_an_epoch(cfg: Config) -> Trained:
    """Train one epoch of a recipe; every parameter has to stay finite."""
    runner = Runner.from_cfg(cfg)
    runner.register_hook(StopAfterEpoch())
    before = {}

    def note(runner):
        before.update((name, parameter.detach().clone())
                      for name, parameter in runner.model.named_parameters())

    runner.register_hook(probe('before_train', note))
    runner.train()
    after = dict(runner.model.named_parameters())
    for name, parameter in after.items():
        assert torch.isfinite(parameter).all(), name
    return Trained(runner, set(after), {
        name for name in after if not torch.equal(after[name], before[name])})
