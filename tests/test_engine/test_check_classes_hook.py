"""All that counts classes has to agree, before anything runs."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.engine.hooks import (
    CheckClassesHook,
    CheckDataHook,
    EpochSeedHook,
)
from lm4ve_mm.registry import DATASETS

DIGITS = tuple('0123456789')


def runner(num_classes, head='head', train=DIGITS, val=DIGITS, topk=(1, ),
           preprocessor=None, augments=(), loss=None, head_topk=(1, ),
           options=None, **more):
    """What the hook looks at; data sets by names, or by number alone."""
    said = []

    def loader(classes):
        known = (dict(num_classes=classes, metainfo={})
                 if isinstance(classes, int) else
                 dict(metainfo=dict(classes=classes)))
        return SimpleNamespace(dataset=SimpleNamespace(**known))

    model = SimpleNamespace(data_preprocessor=SimpleNamespace(
        num_classes=preprocessor,
        blending=SimpleNamespace(augments=[
            SimpleNamespace(num_classes=count) for count in augments])))
    if head:
        module = nn.Module()
        module.num_classes = loss
        setattr(model, head, SimpleNamespace(
            num_classes=num_classes, loss_module=module, topk=head_topk,
            **more))
    metrics = [SimpleNamespace(topk=topk, metric_options=options)]
    evaluator = SimpleNamespace(metrics=metrics)
    # isinstance checks of mmengine want a module: a namespace is none.
    return SimpleNamespace(
        model=model, said=said,
        train_dataloader=loader(train), val_dataloader=loader(val),
        test_dataloader=loader(val), val_evaluator=evaluator,
        test_evaluator=evaluator, val_loop=object(),
        logger=SimpleNamespace(warning=said.append))


MOMENTS = ('before_train', 'before_val', 'before_test')


@pytest.mark.parametrize('head', ['head', 'cls_head'])
@pytest.mark.parametrize('moment', MOMENTS)
@pytest.mark.parametrize('num_classes', [9, 11, 1000])
def test_difference_is_an_error_that_names_both(num_classes, moment, head):
    with pytest.raises(RunError) as caught:
        getattr(CheckClassesHook(), moment)(runner(num_classes, head))
    for part in (f'num_classes={num_classes}', '10 classes', '0, 1, 2',
                 f'model.{head}.num_classes'):
        assert part in str(caught.value)


def test_data_that_knows_its_number_alone():
    with pytest.raises(RunError, match='has 6 classes'):
        CheckClassesHook().before_train(
            runner(174, 'cls_head', train=6, val=6))


def test_agreement_and_models_without_head_pass():
    data = DATASETS.build(
        dict(type='lm4ve_mm.Digits', split='test', pipeline=[]))
    real = runner(10)
    real.train_dataloader.dataset = real.val_dataloader.dataset = data
    for good in (runner(10), runner(0, head=None), real,
                 runner(6, 'cls_head', train=6, val=6, preprocessor=6,
                        augments=(6, 6), loss=6, topk=(1, 5)),
                 # Point-BERT: outputs beyond the classes.
                 runner(3, train=('a', 'b', 'c'), val=('a', 'b', 'c'),
                        topk=(1, 5), loss=40, num_outputs=40)):
        for moment in MOMENTS:
            getattr(CheckClassesHook(), moment)(good)
        assert not good.said


@pytest.mark.parametrize('train, val, words', [
    ('cat dog eel', 'dog eel fox', "only train has 'cat' and only val has "
                                   "'fox'"),
    ('cat dog eel', 'dog eel', "3 and 2 of them, only train has 'cat'"),
    ('.ipynb_checkpoints cat dog eel', 'cat dog eel',
     "only train has '.ipynb_checkpoints'"),
    ('cat dog eel', 'dog cat eel', 'the order, from number 0 on'),
    ('a b c d e f g', 'g', "'e' and 1 more")])
def test_classes_of_training_and_validation(train, val, words):
    """The remedy is not to fit the numbers to the wrong folders."""
    with pytest.raises(RunError) as caught:
        CheckClassesHook().before_train(
            runner(3, train=tuple(train.split()), val=tuple(val.split()),
                   preprocessor=3, topk=(1, )))
    text = str(caught.value)
    assert words in text
    assert 'class folders' in text and 'metainfo=dict(classes=' in text
    assert 'num_classes' not in text


def test_all_that_differs_is_said_at_once():
    three = ('cat', 'dog', 'eel')
    with pytest.raises(RunError) as caught:
        CheckClassesHook().before_train(runner(
            1000, 'cls_head', train=three, val=three, preprocessor=1000,
            augments=(174, 3), loss=400, topk=(1, 5)))
    text = str(caught.value)
    for words in ('num_classes=1000, but', 'data_preprocessor.num_classes is '
                  '1000', 'blending.augments.num_classes is 174',
                  'model.cls_head.loss_module.num_classes is 400'):
        assert words in text, words
    assert len(text.splitlines()) == 4


@pytest.mark.parametrize('moment', MOMENTS)
@pytest.mark.parametrize('options', [
    dict(topk=(1, 5)), dict(topk=5),
    dict(options=dict(top_k_accuracy=dict(topk=(1, 5))))], ids=str)
def test_fewer_classes_than_the_largest_k(moment, options):
    three = ('cat', 'dog', 'eel')
    with pytest.raises(RunError, match='the best 5 of 3 classes'):
        getattr(CheckClassesHook(), moment)(
            runner(3, train=three, val=three, **options))


def test_largest_k_of_the_head_itself():
    with pytest.raises(RunError, match='model.cls_head.topk asks'):
        CheckClassesHook().before_train(
            runner(3, 'cls_head', train=3, val=3, head_topk=(1, 5)))


@pytest.mark.parametrize('held, said', [
    (DIGITS, 0), (DIGITS[::-1], 1), (None, 0), (('a', ), 0)])
def test_weights_of_other_classes_are_said_at_the_test(held, said):
    hook, tested = CheckClassesHook(), runner(10)
    hook.after_load_checkpoint(tested, dict(meta=dict(
        dataset_meta=held and dict(classes=held))))
    hook.before_test(tested)
    assert len(tested.said) == said


class StandIn(list):
    """Batches without a DataLoader, as MMPretrain's vis_scheduler makes."""

    dataset = MagicMock(metainfo=None)


def test_hooks_of_our_recipes_bear_a_stand_in_for_the_loader():
    run = SimpleNamespace(
        train_loop=MagicMock(spec=EpochBasedTrainLoop), val_loop=None,
        model=nn.Linear(1, 1), train_dataloader=StandIn([0]))
    for hook in (CheckClassesHook(), CheckDataHook(), EpochSeedHook()):
        hook.before_train(run)
