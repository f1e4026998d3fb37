"""What a config leaves to the folder of images: read there, in one place.

A config of ``_base_/finetune.py`` says ``data_root`` and ``img_size`` once.
Everything that depends on them is left open there (0, ``''``, None) and is
filled in here, when a runner is built; what a config sets itself stays.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict

from lm4ve_mm.published.host_files import input_statistics
from lm4ve_mm.utils.errors import ConfigError

from .datasets.image_folder import class_names

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')
# Step of a pipeline -> its key, and the value over the size of the image.
SIZES = dict(RandomResizedCrop=('scale', 1.), CenterCrop=('crop_size', 1.),
             Resize=('scale', 1.), ResizeEdge=('scale', 256 / 224))
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def settle(cfg: Any) -> list[str]:
    """Fill in what a config leaves to the folder of images.

    Args:
        cfg (Config): Changed in place. One that leaves nothing open stays.

    Returns:
        list[str]: What was found and set, for the log.

    Raises:
        ConfigError: If the config does not say where the images are.
        DataNotFoundError: If there are no class folders.
    """
    _give_folder(cfg)
    _give_size(cfg)
    return [*_classes(cfg), *_topk(cfg), *_statistics(cfg)]


def _give_folder(cfg: Any) -> None:
    """Give every data set without a folder that of the config."""
    loaders = [cfg[name].dataset for name in LOADERS if cfg.get(name)]
    for dataset in loaders:
        if dataset.get('data_root') == '':
            if not cfg.get('data_root'):
                raise ConfigError(
                    'the config does not say where the images are: '
                    "data_root = 'photos', which holds train/CLASS/*.jpg and "
                    'val/CLASS/*.jpg')
            dataset.data_root = cfg.data_root


def _classes(cfg: Any) -> Iterator[str]:
    """Count the classes, for head and preprocessor."""
    head = cfg.model.get('head') or {}
    preprocessor = cfg.get('data_preprocessor') or {}
    open_ones = [part for part in (head, preprocessor)
                 if part.get('num_classes') == 0]
    if open_ones:
        dataset = cfg.train_dataloader.dataset
        folder = Path(dataset.data_root, dataset.get('data_prefix') or '')
        names = class_names(folder)
        if len(names) < 2:
            raise ConfigError(
                f'{folder} has one class, {names[0]!r}: there is nothing to '
                'tell apart')
        for part in open_ones:
            part.num_classes = len(names)
        shown = ', '.join(names[:5]) + (', ...' if names[5:] else '')
        yield f'{len(names)} classes in {folder}: {shown}'


def _topk(cfg: Any) -> Iterator[str]:
    """Leave out how often the truth is among as many as there are."""
    count = (cfg.model.get('head') or {}).get('num_classes')
    for name in EVALUATORS:
        for metric in _metrics(cfg.get(name)):
            topk = metric.get('topk')
            if count and isinstance(topk, (list, tuple)):
                fitting = tuple(k for k in topk if k < count)
                if fitting and fitting != tuple(topk):
                    metric.topk = fitting
                    yield (f'{name}: top {fitting} of {count} classes instead '
                           f'of {tuple(topk)}')


def _metrics(evaluator: Any) -> list[ConfigDict]:
    """The metrics of an evaluator, of which there may be one or a list."""
    if evaluator is None:
        return []
    return list(evaluator) if isinstance(evaluator, list) else [evaluator]


def _give_size(cfg: Any) -> None:
    """Bring images to the size that the config asks for."""
    backbone = cfg.model.backbone
    for part in (backbone, backbone.get('backbone') or {}):
        if 'img_size' in part and part.img_size is None:
            part.img_size = _asked(cfg)
    for name in LOADERS:
        loader = cfg.get(name) or {}
        for step in (loader.get('dataset') or {}).get('pipeline', ()):
            kind = str(step.get('type')).rpartition('.')[2]
            key, ratio = SIZES.get(kind, ('', 1.))
            if key in step and step[key] is None:
                step[key] = round(_asked(cfg) * ratio)


def _asked(cfg: Any) -> int:
    size = cfg.get('img_size')
    if not isinstance(size, int) or size < 1:
        raise ConfigError(f'img_size={size!r} is no number of pixels: give '
                          'the height and width, img_size = 224')
    return size


def _statistics(cfg: Any) -> Iterator[str]:
    """Normalise images as the host's weights were trained."""
    preprocessor = cfg.get('data_preprocessor') or {}
    if 'mean' not in preprocessor or preprocessor.mean is not None:
        return
    checkpoint = (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint')
    found = input_statistics(checkpoint)
    preprocessor.update(found or IMAGENET)
    source = 'as config.json of the host says' if found else (
        "ImageNet's, since no config.json lies beside the host's weights: "
        'timm trains some of its models with 127.5 and 127.5')
    yield (f'mean {preprocessor.mean} and deviation {preprocessor.std} of '
           f'the images: {source}')
