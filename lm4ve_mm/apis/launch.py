"""From a command line to a runner: what the tools share."""

import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Callable, Iterable, Iterator, Union

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from lm4ve_mm import compat
from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.llm import (BlockMismatchError, CheckpointError,
                          CheckpointNotFoundError)

INSTALLED_CONFIGS = Path(__file__).parents[1] / '.mim' / 'configs'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
PLAIN_WRAPPERS = ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper')
# Where mmengine's AmpOptimWrapper finds a loss scaler.
SCALED_DEVICES = ('cuda', 'npu', 'mlu', 'musa')


def parse_or_exit(parser: ArgumentParser,
                  configure: Callable[[Config, Namespace], Config]
                  ) -> tuple[Config, Namespace]:
    """Parse the command line, read the config and merge the two.

    Args:
        parser (ArgumentParser): One of the parsers of this module.
        configure (Callable): :func:`configure_training` or
            :func:`configure_testing`.

    Returns:
        tuple: The merged config and the arguments. A mistake in what the
        user gave ends the program with a message and exit status 2.
    """
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    try:
        return configure(load_config(args.config), args), args
    except (FileNotFoundError, ValueError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')


def load_config(path: Union[str, Path]) -> Config:
    """Read a config, with the repairs its bases may need.

    Args:
        path (str or Path): A config file.

    Returns:
        Config: The config, its bases merged.

    Raises:
        FileNotFoundError: If there is no such file; names similar ones.
    """
    if not Path(path).is_file():
        folders = (Path(path).parent, Path('configs'), INSTALLED_CONFIGS)
        similar = _similar_files(Path(path).stem, folders)
        hint = ('Similar: ' + ', '.join(similar) if similar else
                'No config there, in configs/ or in the installed package '
                'has a similar name.')
        raise FileNotFoundError(f'there is no config file {path}. {hint}')
    compat.apply()
    return Config.fromfile(path)


def _similar_files(stem: str, folders: Iterable[Path]) -> list[str]:
    """Find configs whose name is close to ``stem``."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted(folder.glob('*.py')):
            found.setdefault(file.stem, str(file))
    return [found[name] for name in get_close_matches(stem, found)]


def configure_training(cfg: Config, args: Namespace) -> Config:
    """Merge the arguments of ``tools/train.py`` into a config.

    Args:
        cfg (Config): The config, changed in place.
        args (Namespace): What :func:`training_parser` parsed.

    Returns:
        Config: The same config, ready for :func:`build_runner`.

    Raises:
        FileNotFoundError: If the checkpoint to resume from is missing.
        ValueError: If the config lacks what an option needs.
    """
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        _train_in_mixed_precision(cfg)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError(
                f'--auto-scale-lr needs auto_scale_lr.base_batch_size, which '
                f'{args.config} does not have')
        cfg.auto_scale_lr.enable = True
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
        if cfg.load_from and '://' not in cfg.load_from and not Path(
                cfg.load_from).is_file():
            raise FileNotFoundError(
                f'--resume {cfg.load_from}: there is no such checkpoint; '
                '--resume without a value takes the latest in the work folder')
    _merge_common(cfg, args)
    if args.no_persistent_workers:
        for name in LOADERS:
            if cfg.get(name):
                cfg[name].persistent_workers = False
    cfg.merge_from_dict(args.cfg_options)
    return cfg


def configure_testing(cfg: Config, args: Namespace) -> Config:
    """Merge the arguments of ``tools/test.py`` into a config.

    Args:
        cfg (Config): The config, changed in place.
        args (Namespace): What :func:`testing_parser` parsed.

    Returns:
        Config: The same config, ready for :func:`build_runner`.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        ValueError: If the config or the command line lacks what an option
            needs.
    """
    if args.out is None and args.out_item is not None:
        raise ValueError(
            f'--out-item {args.out_item} says what to save, but not where: '
            'add --out FILE')
    if '://' not in args.checkpoint and not Path(args.checkpoint).is_file():
        raise FileNotFoundError(
            f'there is no checkpoint {args.checkpoint}; training writes them '
            'into its work folder as epoch_N.pth or iter_N.pth')
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir is not None:
        _show_predictions(cfg, args)
    if args.tta:
        _augment_test(cfg)
    _merge_common(cfg, args)
    cfg.merge_from_dict(args.cfg_options)
    return cfg


def _merge_common(cfg: Config, args: Namespace) -> None:
    """Merge what training and testing share."""
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    for name in LOADERS:
        loader = cfg.get(name)
        if not loader:
            continue
        loader.setdefault('persistent_workers',
                          loader.get('num_workers', 0) > 0)
        loader.setdefault('pin_memory', get_device() in SCALED_DEVICES)
        if cfg.get('default_scope') == 'mmpretrain':
            # What MMPretrain's models expect; the others stack by themselves.
            loader.setdefault('collate_fn', dict(type='default_collate'))
        if args.no_pin_memory:
            loader.pin_memory = False


def _train_in_mixed_precision(cfg: Config) -> None:
    """Choose the wrapper that this device can train with."""
    wrapper = cfg.optim_wrapper
    given = wrapper.get('type', 'OptimWrapper')
    name = given if isinstance(given, str) else given.__name__
    if name.rpartition('.')[-1] not in PLAIN_WRAPPERS:
        raise ValueError(
            f'--amp replaces {", ".join(PLAIN_WRAPPERS)}, but the config '
            f'trains with {name}; set its precision in the config')
    if get_device() in SCALED_DEVICES:
        wrapper.type = 'mmengine.AmpOptimWrapper'
        wrapper.setdefault('loss_scale', 'dynamic')
        return
    print_log(
        f'--amp on {get_device()}: bfloat16 autocast without loss scaling, '
        'instead of the float16 that a GPU would use',
        logger='current',
        level=logging.WARNING)
    wrapper.type = 'lm4ve_mm.AutocastOptimWrapper'
    wrapper.pop('loss_scale', None)
    wrapper.pop('dtype', None)


def _show_predictions(cfg: Config, args: Namespace) -> None:
    """Turn the visualization hook on."""
    if 'visualization' not in cfg.get('default_hooks', {}):
        raise ValueError(
            '--show and --show-dir need default_hooks.visualization in the '
            "config: dict(type='mmpretrain.VisualizationHook')")
    cfg.default_hooks.visualization.update(
        enable=True,
        show=args.show,
        wait_time=args.wait_time,
        out_dir=args.show_dir,
        interval=args.interval)


def _augment_test(cfg: Config) -> None:
    """Wrap the model and pipeline for test-time augmentation."""
    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        if cfg.get('default_scope') != 'mmpretrain':
            raise ValueError(
                '--tta needs tta_model and tta_pipeline in the config; only '
                'image classification has a default')
    pipeline = cfg.test_dataloader.dataset.pipeline
    flips = [dict(type='mmpretrain.RandomFlip', prob=p) for p in (1., 0.)]
    cfg.setdefault('tta_pipeline', [
        *deepcopy(pipeline[:-1]),
        dict(type='mmengine.TestTimeAug',
             transforms=[flips, [deepcopy(pipeline[-1])]])
    ])
    wrapper = cfg.get('tta_model', dict(type='mmpretrain.AverageClsScoreTTA'))
    cfg.model = ConfigDict(**wrapper, module=cfg.model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline


def build_runner(cfg: Config) -> Runner:
    """Build the runner that a merged config describes.

    Args:
        cfg (Config): The config, with ``launcher`` and ``work_dir``.

    Returns:
        Runner: MMEngine's runner, or the config's ``runner_type``.

    Raises:
        RuntimeError: If several processes were started without saying so.
    """
    world_size = os.environ.get('WORLD_SIZE', '1')
    if cfg.launcher == 'none' and world_size != '1':
        raise RuntimeError(
            f'{world_size} processes were started, but with --launcher none '
            'each would train a model of its own: add --launcher pytorch')
    compat.prepare_distributed(cfg, cfg.launcher)
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def build_or_exit(cfg: Config) -> Runner:
    """Build the runner; a language model that is not there ends the program.

    Args:
        cfg (Config): As :func:`build_runner` takes it.

    Returns:
        Runner: What :func:`build_runner` gives. Without the language model's
        weights the message stands alone, and the exit status is 2.
    """
    with explained():
        return build_runner(cfg)


def train_or_exit(runner: Runner) -> None:
    """Train; a missing or foreign file to start from ends the program.

    Args:
        runner (Runner): Ready to train or to resume.
    """
    with explained():
        runner.train()


@contextmanager
def explained() -> Iterator[None]:
    """Let a message about weights or the run stand alone, with status 2."""
    try:
        yield
    except (BlockMismatchError, CheckpointError, CheckpointNotFoundError,
            RunError) as error:
        print(f'error: {error}', file=sys.stderr, flush=True)  # noqa: T201
        sys.exit(2)
