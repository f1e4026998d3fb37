"""Merges the options of a command line into a config."""

import logging
from argparse import Namespace
from copy import deepcopy
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.fileio.handlers.registry_utils import file_handlers
from mmengine.logging import print_log

from lm4ve_mm.utils.errors import ConfigError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
PLAIN_WRAPPERS = ('OptimWrapper', 'AmpOptimWrapper', 'AutocastOptimWrapper')
# Where mmengine's AmpOptimWrapper finds a loss scaler.
SCALED_DEVICES = ('cuda', 'npu', 'mlu', 'musa')


def configure_training(cfg: Config, args: Namespace) -> Config:
    """Merge the arguments of ``tools/train.py`` into a config.

    Args:
        cfg (Config): The config, changed in place.
        args (Namespace): What :func:`training_parser` parsed.

    Returns:
        Config: The same config, ready for :func:`build_runner`.

    Raises:
        FileNotFoundError: If the checkpoint to resume from is missing.
        ConfigError: If the config lacks what an option needs.
    """
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        _train_in_mixed_precision(cfg)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ConfigError(
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
        ConfigError: If the config or the command line lacks what an option
            needs.
    """
    _check_out(args)
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


def settle_images(cfg: Config) -> Config:
    """Fill in what a config leaves to a folder of images.

    For tools without a runner, which does it for training and testing.

    Args:
        cfg (Config): Any config, changed in place.

    Returns:
        Config: The same.
    """
    if cfg.get('runner_type') == 'lm4ve_mm.FineTuningRunner':
        from lm4ve_mm.image.own_images import settle
        for line in settle(cfg):
            print_log(line, logger='current')
    return cfg


def _check_out(args: Namespace) -> None:
    """Refuse, before the test, a file that could not be written after it."""
    if args.results is not None and Path(args.results).suffix != '.json':
        raise ConfigError(f'--results {args.results}: per-sample results are '
                          'saved as .json')
    if args.out is None:
        if args.out_item is not None:
            raise ConfigError(
                f'--out-item {args.out_item} says what to save, but not '
                'where: add --out FILE')
        return
    if args.out_item == 'metrics':
        endings = sorted(file_handlers)
    else:
        endings = ['pickle', 'pkl']
    if Path(args.out).suffix[1:] not in endings:
        raise ConfigError(
            f'--out {args.out}: {args.out_item or "pred"} can be saved as '
            f'{", ".join(f".{ending}" for ending in endings)}; metrics as '
            '.json, with --out-item metrics')
    if Path(args.out).is_dir():
        raise ConfigError(f'--out {args.out} is a folder')


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
        raise ConfigError(
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
        raise ConfigError(
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
            raise ConfigError(
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
