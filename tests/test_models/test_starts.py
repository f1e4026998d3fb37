"""A file that a model starts from has the last word, however it is named."""

import copy
import itertools
import logging

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import BaseModule, PretrainedInit
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, load_checkpoint
from torch import nn

import lm4ve_mm.video  # noqa: F401  (registers the backbones)
from lm4ve_mm.llm import CheckpointError
from lm4ve_mm.models import describe_start, prove_starts
from lm4ve_mm.models.initializers import without_files
from lm4ve_mm.registry import MODELS

LLM = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48),
    img_size=16,
    patch_size=8)
VIDEO = dict(img_size=16, patch_size=8, embed_dims=24, depth=2, num_heads=2,
             num_frames=4)
HOSTS = dict(
    vit=VIT,
    deit=dict(VIT, type='lm4ve_mm.DeiTVisionTransformer'),
    wrapper=dict(
        type='lm4ve_mm.FrozenLLMBackbone', backbone=VIT, in_channels=24,
        blocks='layers', llm=LLM),
    resnet=dict(type='mmpretrain.ResNet_CIFAR', depth=18, base_channels=8,
                stem_channels=8),
    video=dict(VIDEO, type='mmaction.VisionTransformer'),
    video_tokens=dict(VIDEO, type='lm4ve_mm.TokenVisionTransformer'))
TYPES = ['Pretrained', 'mmengine.Pretrained', 'mmpretrain.Pretrained',
         PretrainedInit, 'lm4ve_mm.StrictPretrained']
DRAW = dict(type='mmengine.Constant', layer=['Linear', 'Conv2d'], val=3.)
count = itertools.count()


@pytest.fixture(autouse=True)
def clean_scope():
    """A Runner leaves its default scope behind."""
    yield
    DefaultScope._instance_dict.clear()


def shifted(module, seed=5):
    """Weights of a module that no initialiser gives."""
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(t.shape, generator=generator)
            if t.is_floating_point() else t.clone()
            for n, t in module.state_dict().items()}


def saved(folder, weights, prefix=''):
    path = folder / f'start_{next(count)}.pth'
    torch.save(dict(state_dict={
        f'{prefix}{n}': t for n, t in weights.items()}), path)
    return str(path)


def assert_holds(module, weights):
    own = module.state_dict()
    for name, tensor in weights.items():
        assert torch.equal(own[name], tensor), name


def classifier(backbone=VIT, neck=None, **more):
    return dict(
        type='mmpretrain.ImageClassifier', backbone=backbone, neck=neck,
        head=dict(type='mmpretrain.LinearClsHead', num_classes=10,
                  in_channels=24), **more)


RAW = dict(VIT, out_type='raw', final_norm=False)
NECK = dict(type='lm4ve_mm.FrozenLLMNeck', in_channels=24, llm=LLM)


@pytest.mark.parametrize('as_list', [False, True])
@pytest.mark.parametrize('kind', TYPES, ids=str)
@pytest.mark.parametrize('host', HOSTS)
def test_every_host_and_spelling(host, kind, as_list, tmp_path):
    """Alone; after each initialiser that there is."""
    weights = shifted(MODELS.build(HOSTS[host]))
    weights.pop('layer.block_identity', None)
    cfg = dict(type=kind, checkpoint=saved(tmp_path, weights, 'backbone.'),
               prefix='backbone.')
    model = MODELS.build(
        dict(HOSTS[host], init_cfg=[DRAW, cfg] if as_list else cfg))
    model.init_weights()
    assert_holds(model, weights)
    prove_starts(model)


@pytest.mark.parametrize('kind', TYPES, ids=str)
@pytest.mark.parametrize('place', ['backbone', 'inner', 'model', 'neck'])
def test_every_place_in_a_model(place, kind, tmp_path):
    inner = dict(VIT, type='lm4ve_mm.DeiTVisionTransformer')
    if place == 'neck':
        cfg = classifier(RAW, NECK)
    elif place == 'inner':
        cfg = classifier(dict(HOSTS['wrapper'], backbone=inner))
    else:
        cfg = classifier(inner)
    name = dict(inner='backbone.backbone', model='').get(place, place)
    part = MODELS.build(cfg).get_submodule(name)
    weights = shifted(part)
    weights.pop('layer.block_identity', None)
    prefix = f'{name}.' if name else ''
    start = dict(type=kind, checkpoint=saved(tmp_path, weights, prefix))
    if prefix:
        start['prefix'] = prefix
    target = cfg
    for key in filter(None, name.split('.')):
        target = target[key]
    target['init_cfg'] = start
    model = MODELS.build(cfg)
    model.init_weights()
    assert_holds(model.get_submodule(name), weights)


def test_a_parent_that_draws_afterwards(tmp_path):
    """Whatever class it is, and in whatever order it does it."""

    @MMENGINE_MODELS.register_module(force=True)
    class Late(BaseModule):
        def __init__(self, backbone):
            super().__init__()
            self.backbone = MODELS.build(backbone)

        def init_weights(self):
            super().init_weights()
            for weight in self.parameters():
                nn.init.constant_(weight, 7.)

    weights = shifted(MODELS.build(VIT))
    model = MODELS.build(dict(type='Late', backbone=dict(VIT, init_cfg=dict(
        type='Pretrained', checkpoint=saved(tmp_path, weights)))))
    model.init_weights()
    assert_holds(model.backbone, weights)


@pytest.mark.parametrize('kind', TYPES, ids=str)
@pytest.mark.parametrize('norm', ['ln1', 'norm', 'fc_norm'])
def test_final_norm_reaches_the_neck(kind, norm, tmp_path):
    weights = shifted(MODELS.build(VIT))
    given = {n.replace('ln1', norm) if n.startswith('ln1') else n: t
             for n, t in weights.items()}
    model = MODELS.build(classifier(dict(RAW, init_cfg=dict(
        type=kind, checkpoint=saved(tmp_path, given, 'backbone.'),
        prefix='backbone.')), NECK))
    model.init_weights()
    for part in ('weight', 'bias'):
        assert torch.equal(getattr(model.neck.norm, part),
                           weights[f'ln1.{part}'])
    assert describe_start(model, 'neck.norm')[1]


@pytest.mark.parametrize('kind', TYPES, ids=str)
def test_timm_names_are_translated(kind, tmp_path):
    """As the backbone's file, without a prefix: MMEngine cuts it first."""
    from ..test_published import deit_upstream as upstream
    host = dict(VIT, arch=dict(
        embed_dims=upstream.WIDTH, num_layers=upstream.DEPTH,
        num_heads=upstream.HEADS, feedforward_channels=4 * upstream.WIDTH))
    torch.save(upstream.released(True), tmp_path / 'deit.pth')
    model = MODELS.build(dict(host, init_cfg=dict(
        type=kind, checkpoint=str(tmp_path / 'deit.pth'))))
    model.init_weights()
    wanted = upstream.state(True)
    assert torch.equal(model.layers[1].attn.qkv.weight,
                       wanted['blocks.1.attn.qkv.weight'])
    assert torch.equal(model.ln1.bias, wanted['norm.bias'])
    assert len(describe_start(nn.ModuleDict(dict(host=model)), 'host')[0])


@pytest.mark.parametrize('kind', TYPES, ids=str)
def test_a_file_of_other_names_is_an_error(kind, tmp_path):
    weights = shifted(MODELS.build(VIT))
    given = {n if n in ('cls_token', 'pos_embed') else f'other.{n}': t
             for n, t in weights.items()}
    model = MODELS.build(dict(VIT, init_cfg=dict(
        type=kind, checkpoint=saved(tmp_path, given))))
    with pytest.raises(CheckpointError,
                       match=r'layers\.0\.attn\.qkv\.weight'):
        model.init_weights()


def test_new_layer_norms_may_be_left_out(tmp_path, caplog):
    """As recipes have it that fine-tune a pretrained host; it is logged."""
    weights = shifted(MODELS.build(VIT))
    given = {n: t for n, t in weights.items() if not n.startswith('ln1')}
    model = MODELS.build(dict(VIT, init_cfg=dict(
        type='Pretrained', checkpoint=saved(tmp_path, given))))
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, logger=logger.name):
            model.init_weights()
    finally:
        logger.removeHandler(caplog.handler)
    assert "initialised: ['ln1.weight', 'ln1.bias']" in caplog.text
    assert '28 tensors of VisionTransformer are those of the file' in (
        caplog.text)
    assert model.ln1.weight.eq(1).all()


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


def test_what_changes_afterwards_is_found(tmp_path):
    weights = shifted(MODELS.build(VIT))
    file = saved(tmp_path, weights)
    model = MODELS.build(classifier(dict(VIT, init_cfg=dict(
        type='Pretrained', checkpoint=file))))
    said, whole = describe_start(model, 'backbone')
    assert not whole and 'randomly initialised' in said
    model.init_weights()
    said, whole = describe_start(model, 'backbone')
    assert whole and f'30 of its 30 tensors from {file}, sha256' in said
    prove_starts(copy.deepcopy(model))
    nn.init.ones_(model.backbone.pos_embed)
    with pytest.raises(CheckpointError,
                       match=r'1 tensors were read from .*pos_embed'):
        prove_starts(model)


@pytest.mark.parametrize('kind', TYPES, ids=str)
def test_a_resumed_run_does_not_need_the_file(kind):
    cfg = dict(type=kind, checkpoint='gone.pth')
    model = MODELS.build(classifier(dict(VIT, init_cfg=[DRAW, cfg])))
    names = without_files(model)
    assert names == [f'backbone.{n}' for n in model.backbone.state_dict()]
    model.init_weights()


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


@pytest.mark.parametrize('kind', ['video', 'video_tokens'])
def test_pretrained_of_a_video_host_is_read(kind, tmp_path):
    """MMAction2's own class forgets the file."""
    weights = shifted(MODELS.build(HOSTS[kind]))
    backbone = MODELS.build(dict(
        HOSTS[kind], pretrained=saved(tmp_path, weights)))
    backbone.init_weights()
    assert_holds(backbone, weights)
