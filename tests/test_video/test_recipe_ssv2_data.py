"""The SSv2 recipe of the paper, number by number: its clips.

Sources as in ``test_recipe_ssv2.py``.
"""

import pytest
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATA_SAMPLERS

import lm4ve_mm.video  # noqa: F401  (registers everything)

from ..recipes import SSV2_LEAVES, SSV2_VIDEOS, named, read

every_leaf = pytest.mark.parametrize('name', SSV2_LEAVES)


@every_leaf
def test_training_clips(name):
    cfg = read(name)
    loader = cfg.train_dataloader
    steps = loader.dataset.pipeline
    augment = named(steps, 'RandAugment')
    # rand-m7-n4-mstd0.5-inc1
    assert augment.policies == 'timm_increasing'
    assert (augment.num_policies, augment.magnitude_level,
            augment.total_level, augment.magnitude_std) == (4, 7, 10, .5)
    assert named(steps, 'RandomResizedCrop').area_range == (.08, 1.)
    erase = named(steps, 'RandomErasing')
    assert (erase.erase_prob, erase.mode) == (.25, 'rand')
    assert not [one for one in steps if 'Flip' in one.type]
    assert loader.dataset.num_repeats == 2
    given = cfg.model.data_preprocessor
    assert given.mean == [123.675, 116.28, 103.53]
    assert given.std == [58.395, 57.12, 57.375]
    mixup, cutmix = given.blending.augments
    assert (mixup.type, mixup.alpha) == ('mmaction.MixupBlending', .8)
    assert (cutmix.type, cutmix.alpha) == ('mmaction.CutmixBlending', 1.)
    assert given.blending.probs == [.5, .5]


@every_leaf
def test_steps_per_epoch(name, monkeypatch):
    loader = read(name).train_dataloader
    monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info',
                        lambda: (1, 4))
    sampler = DATA_SAMPLERS.build(
        loader.sampler, default_args=dict(dataset=range(SSV2_VIDEOS), seed=0))
    assert isinstance(sampler, DefaultSampler) and loader.drop_last
    theirs = SSV2_VIDEOS // (4 * loader.batch_size)
    assert len(sampler) // loader.batch_size == theirs


@every_leaf
def test_test_clips(name):
    cfg = read(name)
    for loader, views in ((cfg.val_dataloader, 1), (cfg.test_dataloader, 6)):
        steps = loader.dataset.pipeline
        crops = 3 if views == 6 else 1
        assert named(steps, 'SampleSegments').get(
            'num_clips', 1) * crops == views
        assert named(steps, 'ResizeShortSide').size == 224
        assert named(steps, 'Crop').type == (
            'mmaction.ThreeCrop' if views == 6 else 'mmaction.CenterCrop')
        # What max_testing_views asks for.
        assert loader.batch_size == 1
    assert cfg.model.cls_head.average_clips == 'prob'
    assert cfg.test_evaluator.metric_options.top_k_accuracy.topk == (1, 5)
