"""Every place of a run that counts classes."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.evaluator import Evaluator
from torch import nn
from torch.utils.data import Dataset

# MMAction2 calls it cls_head.
HEADS = ('head', 'cls_head')


def find_head(model: nn.Module) -> tuple[str, Any]:
    """Name of the classifying head, and the head; ``''`` and None without."""
    for name in HEADS:
        head = getattr(model, name, None)
        if getattr(head, 'num_classes', None) is not None:
            return name, head
    return '', None


def dataset_classes(dataset: Any) -> tuple[int | None, tuple[str, ...]]:
    """How many classes a data set has, and their names if it knows them.

    Args:
        dataset: With ``metainfo['classes']``, or, as MMAction2's lists, with
            ``num_classes`` alone. Wrappers are looked through.
    """
    while not _class_names(dataset) and isinstance(
            getattr(dataset, 'dataset', None), Dataset):
        dataset = dataset.dataset
    names = _class_names(dataset)
    if isinstance(names, (list, tuple)) and names:
        return len(names), tuple(map(str, names))
    count = getattr(dataset, 'num_classes', None)
    return (count if isinstance(count, int) else None), ()


def _class_names(dataset: Any) -> Any:
    """What ``metainfo`` says of the classes; it may be missing or None."""
    info = getattr(dataset, 'metainfo', None)
    return info.get('classes') if isinstance(info, Mapping) else None


def training_counts(model: nn.Module) -> Iterator[tuple[str, int]]:
    """Keys of the model, beside the head's own, that count its classes.

    Of the preprocessor, of mixup and cutmix wherever they hang, and of the
    losses.
    """
    held = getattr(model, 'data_preprocessor', None)
    yield from _counts('data_preprocessor', held, set())
    name, head = find_head(model)
    for part in ('loss_module', 'loss', 'loss_cls'):
        loss = getattr(head, part, None)
        if isinstance(loss, nn.Module):
            yield from _counts(f'model.{name}.{part}', loss, set())


def _counts(key: str, part: Any, seen: set[int]) -> Iterator[tuple[str, int]]:
    """``num_classes`` of an object and of what it mixes batches with."""
    if part is None or id(part) in seen:
        return
    seen.add(id(part))
    count = getattr(part, 'num_classes', None)
    if isinstance(count, int) and count > 0:
        yield f'{key}.num_classes', count
    for name in ('batch_augments', 'blending', 'augments', 'loss_module'):
        inner = getattr(part, name, None)
        for one in inner if isinstance(inner, (list, tuple)) else [inner]:
            yield from _counts(f'{key}.{name}', one, seen)


def largest_topk(evaluator: Evaluator | Any) -> Iterator[tuple[str, int]]:
    """The largest k of each top-k metric, by the name of the metric."""
    for metric in getattr(evaluator, 'metrics', ()):
        options = getattr(metric, 'metric_options', None)
        given = [getattr(metric, 'topk', None)]
        if isinstance(options, Mapping):
            given += [one.get('topk') for one in options.values()
                      if isinstance(one, Mapping)]
        for topk in given:
            yield from _largest(type(metric).__name__, topk)


def head_topk(model: nn.Module) -> Iterator[tuple[str, int]]:
    """The largest k of the accuracy that a head computes in training."""
    name, head = find_head(model)
    computes = getattr(head, 'cal_acc', True)
    if head is not None and computes:
        yield from _largest(f'model.{name}.topk', getattr(head, 'topk', None))


def _largest(name: str, topk: Any) -> Iterator[tuple[str, int]]:
    values = [topk] if isinstance(topk, int) else topk
    if isinstance(values, (list, tuple)) and values:
        yield name, max(values)
