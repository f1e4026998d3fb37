"""Says at the start that head and data set disagree on the classes."""

from typing import Optional

from mmengine.hooks import Hook

from lm4ve_mm.models import unwrap
from lm4ve_mm.registry import HOOKS


@HOOKS.register_module()
class CheckClassesHook(Hook):
    """Compares the head's ``num_classes`` with the classes of the data sets.

    Without it a head that is too small dies in the loss with an index error
    (on a GPU with a device assert), and one that is too large trains on.
    A model without such a head, or data without class names, is left alone.

    Raises:
        ValueError: If the numbers differ; names both and where to set them.
    """

    def before_train(self, runner) -> None:
        """Compare with the training data, and with the validation data."""
        self._check(runner, 'train_dataloader')
        if runner.val_loop is not None:
            self._check(runner, 'val_dataloader')

    def before_test(self, runner) -> None:
        """Compare with the test data."""
        self._check(runner, 'test_dataloader')

    def _check(self, runner, loader: str) -> None:
        model = unwrap(runner.model)
        # MMAction2 calls it cls_head.
        name = 'head' if hasattr(model, 'head') else 'cls_head'
        head: Optional[int] = getattr(
            getattr(model, name, None), 'num_classes', None)
        dataset = getattr(runner, loader).dataset
        classes = getattr(dataset, 'metainfo', {}).get('classes')
        if head is None or classes is None or len(classes) == head:
            return
        raise ValueError(
            f'the head has num_classes={head}, but {type(dataset).__name__} '
            f'of {loader} has {len(classes)} classes '
            f'({", ".join(map(str, classes[:3]))}, ...): set '
            f'model.{name}.num_classes and that of data_preprocessor to '
            f'{len(classes)}')
