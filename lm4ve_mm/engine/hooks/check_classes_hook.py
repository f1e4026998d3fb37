"""Says at the start where a run counts its classes differently."""

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook

from lm4ve_mm.engine.class_counts import (
    dataset_classes,
    find_head,
    head_topk,
    largest_topk,
    training_counts,
)
from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import HOOKS

LABELS = ('a label is the place of its class, so labels would be wrong. Give '
          'both the same class folders, an empty one for a class without '
          'images, and no others (hidden ones count too); or lists of files '
          'with labels (ann_file) and one metainfo=dict(classes=[...])')


@HOOKS.register_module()
class CheckClassesHook(Hook):
    """Compares every place that knows the classes, before anything runs.

    Without it a head that is too small dies in the loss with an index error
    (on a GPU with a device assert), one that is too large trains on, class
    folders that differ between training and validation give wrong labels,
    and a top-5 accuracy of three classes ends the run after its first epoch.
    Compared are the head, the data sets (number and names), the preprocessor
    with its mixup, the losses and the top-k metrics; what a model or data
    set does not know is left alone.

    Raises:
        RunError: Once, with everything that differs and the keys to set.
    """

    def __init__(self) -> None:
        self._trained_with: tuple[str, ...] = ()

    def before_train(self, runner) -> None:
        """Compare training and validation."""
        model = unwrap(runner.model)
        # Wrong folders come first: to fit the numbers to them is no remedy.
        problems = list(self._names(runner)) or [
            *self._heads(runner, model, 'train'),
            *self._parts(runner, model)]
        if runner.val_loop is not None:
            problems = problems or list(self._heads(runner, model, 'val'))
            problems += self._topk(runner, model, 'val')
        self._report(problems)

    def before_val(self, runner) -> None:
        """Compare a validation by itself."""
        self._evaluation(runner, 'val')

    def before_test(self, runner) -> None:
        """Compare the test, also with what the weights were trained with."""
        self._evaluation(runner, 'test')

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Note the names of the classes that the weights know."""
        meta = checkpoint.get('meta') or {}
        held = (meta.get('dataset_meta') or {}).get('classes')
        self._trained_with = tuple(map(str, held)) if isinstance(
            held, (list, tuple)) else ()

    def _evaluation(self, runner, stage: str) -> None:
        model = unwrap(runner.model)
        self._report([*self._heads(runner, model, stage),
                      *self._topk(runner, model, stage)])
        loader = getattr(runner, f'{stage}_dataloader')
        _, names = dataset_classes(loader.dataset)
        held = self._trained_with
        if held and names and len(held) == len(names) and held != names:
            runner.logger.warning(
                f'CheckClassesHook: the weights were trained with other '
                f'classes than {stage}_dataloader has: '
                f'{_difference("training", held, stage, names)}. Unless these '
                'are two names of the same classes, labels are wrong')

    @staticmethod
    def _names(runner) -> Iterator[str]:
        """Classes of training and validation, by name and order."""
        if runner.val_loop is None:
            return
        _, train = dataset_classes(runner.train_dataloader.dataset)
        _, val = dataset_classes(runner.val_dataloader.dataset)
        if train and val and train != val:
            yield (f'the classes of train_dataloader and val_dataloader '
                   f'differ: {_difference("train", train, "val", val)}; '
                   f'{LABELS}')

    @staticmethod
    def _heads(runner, model: Any, stage: str) -> Iterator[str]:
        """The head's number, and that of a data set."""
        name, head = find_head(model)
        dataset = getattr(runner, f'{stage}_dataloader').dataset
        count, names = dataset_classes(dataset)
        if head is None or count is None or count == head.num_classes:
            return
        listed = f' ({", ".join(names[:3])}, ...)' if names else ''
        yield (f'the head has num_classes={head.num_classes}, but '
               f'{type(dataset).__name__} of {stage}_dataloader has {count} '
               f'classes{listed}: set model.{name}.num_classes and that of '
               f'data_preprocessor to {count}, or correct the data')

    @staticmethod
    def _parts(runner, model: Any) -> Iterator[str]:
        """What prepares targets for another number than the data has."""
        name, head = find_head(model)
        if head is None:
            return
        count, _ = dataset_classes(runner.train_dataloader.dataset)
        # A head may have outputs beyond its classes, as Point-BERT's does.
        outputs = getattr(head, 'num_outputs', None)
        for key, given in training_counts(model):
            if given not in (count or head.num_classes, outputs):
                yield (f'{key} is {given}, but '
                       f'{"the data has" if count else "the head is for"} '
                       f'{count or head.num_classes} classes: set it to '
                       f'{count or head.num_classes}')
        for key, largest in head_topk(model):
            if largest > head.num_classes:
                yield (f'{key} asks for the best {largest} of '
                       f'{head.num_classes} classes: set it to (1, )')

    @staticmethod
    def _topk(runner, model: Any, stage: str) -> Iterator[str]:
        """Metrics that want more classes than there are."""
        name, head = find_head(model)
        evaluator = getattr(runner, f'{stage}_evaluator', None)
        if head is None or evaluator is None:
            return
        for metric, largest in largest_topk(evaluator):
            if largest > getattr(head, 'num_outputs', head.num_classes):
                yield (f'{metric} of {stage}_evaluator asks for the best '
                       f'{largest} of {head.num_classes} classes: set its '
                       'topk to (1, )')

    @staticmethod
    def _report(problems: list[str]) -> None:
        if problems:
            raise RunError('\n'.join(problems))


def _difference(one: str, first: tuple[str, ...], other: str,
                second: tuple[str, ...]) -> str:
    """How two lists of classes differ, in words."""
    parts = [
        f'only {name} has {_listed(left)}'
        for name, left in ((one, [c for c in first if c not in second]),
                           (other, [c for c in second if c not in first]))
        if left
    ]
    if not parts:
        place = next((i for i, pair in enumerate(
            zip(first, second, strict=False)) if pair[0] != pair[1]),
                     min(len(first), len(second)))
        parts = [f'the order, from number {place} on']
    return (f'{len(first)} and {len(second)} of them, '
            f'{" and ".join(parts)}')


def _listed(names: list[str]) -> str:
    return ', '.join(map(repr, names[:5])) + (
        f' and {len(names) - 5} more' if names[5:] else '')
