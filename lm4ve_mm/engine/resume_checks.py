"""What a checkpoint must have for a run to go on exactly."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop

from lm4ve_mm.engine.schedulers.closed_form import RUNNING, ClosedFormLR
from lm4ve_mm.engine.whole_files import newest_whole
from lm4ve_mm.llm import CheckpointError

PARTS = dict(
    meta='epoch and iteration (meta)',
    message_hub='the log (message_hub)',
    optimizer="the optimizer's state (optimizer)",
    param_schedulers='the schedules (param_schedulers)')
# Of a parameter group; `lr` itself is the schedules' to change.
HYPERPARAMETERS = ('initial_lr', 'weight_decay', 'betas', 'momentum', 'eps')
# A config is a few thousand lines at most.
_LONGEST = 1 << 20


def require_all_parts(runner, checkpoint: Mapping) -> None:
    """Refuse to resume from a file that lacks a part of the run.

    MMEngine would go on with a new optimizer and start schedules again.

    Raises:
        CheckpointError: Names what is lacking and what can be done.
    """
    lacking = [what for part, what in PARTS.items()
               if part not in checkpoint and not (
                   part == 'param_schedulers' and not runner.param_schedulers)]
    if not lacking:
        return
    source = runner._load_from
    beside = newest_whole(Path(source).parent) if source else None
    raise CheckpointError(
        f'{source} lacks {", ".join(lacking)}, so the run cannot go on from '
        'it: momenta would be lost and the learning rate would start again. '
        'best_*.pth and published files are saved without them. Resume from '
        f'an epoch_N.pth or iter_N.pth{f" ({beside})" if beside else ""}, or '
        'start a new training from these weights: leave out --resume and give '
        f'--cfg-options load_from={source}')


def disarm_config(runner, meta: dict) -> None:
    """Take out the text that MMEngine would execute as a config.

    ``Runner.resume`` runs ``meta['config']`` as Python, to compare its
    ``gpu_ids``. They are compared here, if they are written out.
    """
    if 'config' not in meta:
        return
    ids = _literal(meta.pop('config'), 'gpu_ids')
    runner.logger.warning(
        "meta['config'] of the checkpoint is not executed, as MMEngine would")
    if isinstance(ids, (list, tuple)) and ids and len(
            ids) != runner.world_size:
        runner.logger.warning(
            f'the checkpoint was trained in {len(ids)} processes (gpu_ids), '
            f'this run has {runner.world_size}: check the learning rate')


def _literal(text: object, name: str) -> object:
    """The value of ``name = LITERAL`` in a text, or None."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and any(
                    isinstance(target, ast.Name) and target.id == name
                    for target in node.targets):
                return ast.literal_eval(node.value)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        pass
    return None


def compare_settings(runner, checkpoint: Mapping) -> None:
    """Warn of what the checkpoint continues other than the config says."""
    for text in (*_schedules(runner, checkpoint),
                 *_optimizer(runner, checkpoint),
                 *_progress(runner, checkpoint)):
        runner.logger.warning(text)


def _lists(schedulers: object) -> list:
    """Schedules of one optimizer or of several, in one list."""
    if isinstance(schedulers, Mapping):
        return [one for name in sorted(schedulers)
                for one in schedulers[name]]
    return list(schedulers or ())


def _schedules(runner, checkpoint: Mapping) -> Iterator[str]:
    held = _lists(checkpoint.get('param_schedulers'))
    built = _lists(runner.param_schedulers)
    if len(held) != len(built):
        yield (f'the checkpoint has {len(held)} schedules, the config '
               f'{len(built)}: they are matched in order, the rest is left '
               'as it is built')
    for scheduler, state in zip(built, held, strict=False):
        # These continue as the config says, and say so themselves.
        if isinstance(scheduler, ClosedFormLR):
            continue
        differing = [
            f'{key}={state[key]!r} in the checkpoint, {value!r} in the config'
            for key, value in scheduler.state_dict().items()
            if key not in RUNNING and key in state and state[key] != value
        ]
        if differing:
            yield (f"{type(scheduler).__name__}: the checkpoint's schedule "
                   f'goes on, not that of the config: {"; ".join(differing)}. '
                   'For the new one start again with load_from')


def _optimizer(runner, checkpoint: Mapping) -> Iterator[str]:
    if not isinstance(runner.optim_wrapper, OptimWrapper):
        return
    built = runner.optim_wrapper.state_dict().get('param_groups', [])
    held = checkpoint['optimizer'].get('param_groups', [])
    for key in HYPERPARAMETERS:
        for mine, saved in zip(built, held, strict=False):
            one, other = mine.get(key), saved.get(key)
            if None not in (one, other) and _plain(one) != _plain(other):
                yield (f"the optimizer goes on with the checkpoint's {key}="
                       f"{other}, not with the config's {one}")
                break


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _progress(runner, checkpoint: Mapping) -> Iterator[str]:
    loop, meta = runner.train_loop, checkpoint['meta']
    if not isinstance(loop, EpochBasedTrainLoop):
        return
    epoch, steps = meta['epoch'], len(loop.dataloader)
    if epoch >= loop.max_epochs:
        yield (f'the checkpoint has {epoch} epochs and train_cfg.max_epochs='
               f'{loop.max_epochs}: there is nothing left to train')
    if meta['iter'] != epoch * steps:
        yield (f'the checkpoint has {meta["iter"]} iterations in {epoch} '
               f'epochs, but an epoch has {steps} here: it was saved within '
               'an epoch, whose rest is not resumed, or with other data, '
               'another batch size or another number of processes')
