"""Head and data set have to agree on the classes."""

from types import SimpleNamespace

import pytest

from lm4ve_mm.engine.hooks import CheckClassesHook
from lm4ve_mm.registry import DATASETS


def runner(num_classes, head='head'):
    data = DATASETS.build(
        dict(type='lm4ve_mm.Digits', split='test', pipeline=[]))
    loader = SimpleNamespace(dataset=data)
    model = SimpleNamespace()
    if head:
        setattr(model, head, SimpleNamespace(num_classes=num_classes))
    # isinstance checks of mmengine want a module: a namespace is none.
    return SimpleNamespace(
        model=model,
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
        val_loop=object())


@pytest.mark.parametrize('head', ['head', 'cls_head'])
@pytest.mark.parametrize('moment', ['before_train', 'before_test'])
@pytest.mark.parametrize('num_classes', [9, 11, 1000])
def test_difference_is_an_error_that_names_both(num_classes, moment, head):
    with pytest.raises(ValueError) as caught:
        getattr(CheckClassesHook(), moment)(runner(num_classes, head))
    for part in (f'num_classes={num_classes}', '10 classes', '0, 1, 2',
                 f'model.{head}.num_classes'):
        assert part in str(caught.value)


def test_agreement_and_models_without_head_pass():
    for good in (runner(10), runner(0, head=None)):
        CheckClassesHook().before_train(good)
        CheckClassesHook().before_test(good)
