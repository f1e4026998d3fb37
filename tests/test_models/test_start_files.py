"""Weights of a whole model that start another, and what the log says."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner, load_checkpoint

from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.registry import MODELS

from .starts import (
    HOSTS,
    NECK,
    RAW,
    VIT,
    assert_holds,
    classifier,
    count,
    saved,
    shifted,
)


def load(model, folder, weights):
    """As load_from and get_model do it."""
    load_checkpoint(model, saved(folder, weights), map_location='cpu')


def test_plain_weights_into_models_with_the_block(tmp_path):
    """The plain twin's: into a neck, into a wrapper; and back again."""
    plain = MODELS.build(classifier())
    weights = shifted(plain)
    necked = MODELS.build(classifier(RAW, NECK))
    load(necked, tmp_path, weights)
    assert torch.equal(necked.neck.norm.weight,
                       weights['backbone.ln1.weight'])
    wrapped = MODELS.build(classifier(HOSTS['wrapper']))
    load(wrapped, tmp_path, weights)
    assert_holds(wrapped.backbone.backbone, {
        n.removeprefix('backbone.'): t for n, t in weights.items()
        if n.startswith('backbone.')})
    for other in (necked, wrapped):
        again = MODELS.build(classifier())
        load(again, tmp_path, other.state_dict())
        assert_holds(again, weights)
        assert torch.equal(other.head.fc.weight, weights['head.fc.weight'])


def test_the_wrapper_itself_takes_plain_weights():
    """torch's own load_state_dict, strictly but for the layer."""
    weights = shifted(MODELS.build(VIT))
    wrapped = MODELS.build(HOSTS['wrapper'])
    found = wrapped.load_state_dict(weights, strict=False)
    assert not found.unexpected_keys
    assert all(n.startswith('layer.') for n in found.missing_keys)
    assert_holds(wrapped.backbone, weights)
    copied = MODELS.build(HOSTS['wrapper'])
    copied.load_state_dict(wrapped.state_dict())
    assert_holds(copied, wrapped.state_dict())


@pytest.mark.parametrize('change, words', [
    (lambda w: {n: t for n, t in w.items()
               if not n.startswith('backbone.layers.1.')},
     r'leaves out 12 of the host: backbone\.layers\.1\.ln1\.weight'),
    (lambda w: {f'net.{n}': t for n, t in w.items()}, r'fills 0 of the 32'),
    (lambda w: {**w, 'backbone.layers.1.attn.qkv.bias': torch.ones(3)},
     r'size mismatch for backbone\.layers\.1\.attn\.qkv\.bias'),
    (lambda w: {n: t for n, t in w.items() if 'ln1.' not in n or 'layers' in n
                }, r'leaves out 2 of the host: backbone\.ln1\.weight'),
])
def test_half_a_host_is_an_error(change, words, tmp_path):
    model = MODELS.build(classifier())
    with pytest.raises(CheckpointError, match=words):
        load(model, tmp_path, change(shifted(model)))


def test_a_head_of_other_classes_is_left_out(tmp_path):
    model = MODELS.build(classifier())
    weights = shifted(model)
    weights['head.fc.weight'] = torch.ones(9, 24)
    weights['head.fc.bias'] = torch.ones(9)
    before = model.head.fc.weight.clone()
    load(model, tmp_path, weights)
    assert torch.equal(model.head.fc.weight, before)
    assert torch.equal(model.backbone.pos_embed,
                       weights['backbone.pos_embed'])


DIGITS = dict(
    type='lm4ve_mm.Digits', split='train', indices=2,
    pipeline=[dict(type='mmpretrain.Resize', scale=16),
              dict(type='mmpretrain.PackInputs')])


def run(folder, model, **more):
    """One epoch with a frozen host; gives the runner and its log."""
    name = f'starts_{next(count)}'
    runner = Runner.from_cfg(Config(dict(
        default_scope='mmpretrain', work_dir=str(folder / name), model=model,
        experiment_name=name, train_cfg=dict(by_epoch=True, max_epochs=1),
        train_dataloader=dict(
            batch_size=2, num_workers=0, dataset=DIGITS,
            sampler=dict(type='mmengine.DefaultSampler', shuffle=False)),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='lm4ve_mm.FreezeLLMHook',
                           freeze=['backbone'])], **more)))
    runner.train()
    return runner, ''.join(
        path.read_text() for path in (folder / name).glob('*/*.log'))


def test_the_log_says_what_a_frozen_host_is(tmp_path):
    weights = shifted(MODELS.build(RAW))
    file = saved(tmp_path, weights, 'backbone.')
    start = dict(type='mmengine.Pretrained', checkpoint=file,
                 prefix='backbone.')
    runner, log = run(tmp_path, classifier(dict(RAW, init_cfg=start), NECK))
    assert f'Frozen: backbone has 28 of its 28 tensors from {file}' in log
    assert f'{file}: after all initialisation 28 tensors of backbone' in log
    assert_holds(runner.model.backbone, weights)
    _, log = run(tmp_path, classifier(RAW, NECK))
    assert 'WARNING - Frozen: backbone is randomly initialised' in log


def test_load_from_is_what_the_host_is_from(tmp_path):
    weights = shifted(MODELS.build(classifier()))
    file = saved(tmp_path, weights)
    runner, log = run(tmp_path, classifier(RAW, NECK), load_from=file)
    assert f'Frozen: backbone has 28 of its 28 tensors from {file}' in log
    own = runner.model.backbone.state_dict()
    assert_holds(runner.model.backbone, {
        n: weights[f'backbone.{n}'] for n in own})
