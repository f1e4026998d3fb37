"""MMAction2's models around the layer: neck, backbones, views, inferencers."""

import importlib
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from torch import nn

import lm4ve_mm.video  # noqa: F401  (registers the backbone)
from lm4ve_mm.apis import build_model, load_config
from lm4ve_mm.registry import MODELS
from lm4ve_mm.video.files.encoding import write_mp4

LLM = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
CONFIG = 'configs/videomae_tiny_minilm_moving.py'


@pytest.fixture(autouse=True)
def mmaction_scope():
    """Some of MMAction2's modules name their parts without a scope."""
    init_default_scope('mmaction')
    yield
    DefaultScope._instance_dict.clear()


def clips(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def neck(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(
        dict(type='lm4ve_mm.FrozenLLMVideoNeck', in_channels=12, llm=LLM),
        **options)).eval()


def test_neck_speaks_the_protocol():
    """A pair; a tensor for one level; the mean over all of its tokens."""
    module, tubes = neck(), clips(2, 12, 2, 3, 4)
    feats, losses = module(tubes, data_samples=[object()])
    tokens = tubes.flatten(2).transpose(1, 2)
    wanted = module.norm(module.layer(tokens).mean(1))
    assert losses == {} and feats.shape == (2, 12)
    torch.testing.assert_close(feats, wanted)
    torch.testing.assert_close(module(tokens)[0], wanted)
    levels, _ = module((tubes[:, :5], tubes))
    assert isinstance(levels, tuple) and len(levels) == 2
    assert torch.equal(levels[0], tubes[:, :5])
    torch.testing.assert_close(levels[1], wanted)


def test_neck_can_keep_the_map():
    """For I3DHead and others, which pool by themselves."""
    module, tubes = neck(pooling='raw', norm_cfg=None), clips(2, 12, 2, 3, 4)
    feats, _ = module(tubes)
    assert feats.shape == tubes.shape
    tokens = module.layer(tubes.flatten(2).transpose(1, 2))
    torch.testing.assert_close(feats[1, :, 1, 2, 3], tokens[1, 23])


def test_backbone_gives_what_the_norm_would_take():
    """MMAction2's own output is its norm of our tokens' mean."""
    cfg = dict(img_size=32, patch_size=16, embed_dims=24, depth=2,
               num_heads=3, num_frames=4)
    plain = MODELS.build(dict(cfg, type='mmaction.VisionTransformer')).eval()
    ours = MODELS.build(
        dict(cfg, type='lm4ve_mm.TokenVisionTransformer')).eval()
    lost = ours.load_state_dict(plain.state_dict(), strict=False)
    assert lost.unexpected_keys == ['fc_norm.weight', 'fc_norm.bias']
    assert not lost.missing_keys
    clip = clips(2, 3, 4, 32, 32)
    tokens = ours(clip)
    assert tokens.shape == (2, 24, 2, 2, 2)
    torch.testing.assert_close(
        plain.fc_norm(tokens.flatten(2).mean(2)), plain(clip))


def timesformer_by_hand(host, layer, clip):
    seen = []
    host.transformer_layers.register_forward_hook(
        lambda module, args, output: seen.append(output))
    host(clip)
    return host.norm(layer(seen[0]))[:, 0]


def uniformer_by_hand(host, layer, clip):
    seen = []
    host.blocks4[-1].register_forward_hook(
        lambda module, args, output: seen.append(output))
    host(clip)
    tokens = layer(seen[0].flatten(2).transpose(1, 2))
    maps = tokens.transpose(1, 2).reshape(seen[0].shape)
    return host.norm(maps)


def slowonly_by_hand(host, layer, clip):
    maps = host(clip)
    tokens = layer(maps.flatten(2).transpose(1, 2))
    return tokens.transpose(1, 2).reshape(maps.shape)


HOSTS = dict(
    timesformer=(dict(
        type='mmaction.TimeSformer', num_frames=4, img_size=16, patch_size=8,
        embed_dims=24, num_heads=3, num_transformer_layers=2), 24,
        dict(blocks='transformer_layers.layers'), timesformer_by_hand),
    uniformer=(dict(
        type='mmaction.UniFormer', depth=[1, 1, 1, 2], img_size=32,
        embed_dim=[8, 16, 24, 32], head_dim=8, pretrained2d=False), 32,
        dict(blocks='blocks4'), uniformer_by_hand),
    slowonly=(dict(
        type='mmaction.ResNet3dSlowOnly', depth=18, pretrained=None,
        base_channels=4, norm_eval=False), 32,
        dict(insert_after='layer4'), slowonly_by_hand))


@pytest.mark.parametrize('name', HOSTS)
def test_layer_within_other_backbones(name):
    """As by hand, and every map has a gradient."""
    cfg, width, place, by_hand = HOSTS[name]
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='lm4ve_mm.FrozenLLMBackbone', backbone=cfg, in_channels=width,
        llm=LLM, **place))
    size = 16 if name == 'timesformer' else 32
    clip = clips(2, 3, 4, size, size)
    # Statistics that are not zero and one, and the cheapest proof that the
    # host's own initialisation leaves the layer alone.
    model.init_weights()
    model.train()(clip)
    model.eval()
    plain = MODELS.build(cfg)
    plain.eval()
    plain.load_state_dict({
        key.removeprefix('backbone.'): tensor
        for key, tensor in model.state_dict().items()
        if key.startswith('backbone.')})
    found = model(clip)
    with torch.no_grad():
        wanted = by_hand(plain, model.layer, clip)
    torch.testing.assert_close(found, wanted)
    assert not torch.allclose(found, plain(clip), atol=1e-2)
    found.square().sum().backward()
    for weight in model.layer.parameters():
        assert weight.grad.abs().sum() > 0


def recognizer(views):
    torch.manual_seed(0)
    cfg = load_config(CONFIG)
    cfg.model.test_cfg = dict(max_testing_views=views)
    model = build_model(cfg)
    nn.init.normal_(model.cls_head.fc_cls.weight, std=.15)
    return model


@pytest.mark.parametrize('views', [None, 4, 9])
def test_views_are_averaged_whatever_goes_at_once(views):
    """Six views: the mean of their probabilities, not of their scores."""
    model = recognizer(views)
    frames = clips(6, 3, 8, 32, 32) * 64 + 127
    seen = []
    model.backbone.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0])))
    from mmaction.structures import ActionDataSample
    sample = ActionDataSample().set_gt_label(0)
    found, = model.test_step(dict(inputs=[frames], data_samples=[sample]))
    assert max(seen) == min(views or 6, 6) and sum(seen) == 6
    single = recognizer(None)
    with torch.no_grad():
        normal = (frames - 127.5) / 64
        scores = torch.cat([
            single.cls_head(single.neck(single.backbone(view[None]))[0])
            for view in normal])
    wanted = scores.softmax(1).mean(0)
    torch.testing.assert_close(found.pred_score, wanted)
    assert not torch.allclose(wanted, scores.mean(0).softmax(0), atol=1e-3)


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('video') / 'grey.mp4'
    write_mp4(path, (np.full((64, 64, 3), 20 + 14 * i, np.uint8)
                     for i in range(16)))
    return path


def test_inference_recognizer(video, tmp_path):
    """A checkpoint, a file name: the scores of the test pipeline."""
    from mmaction.apis import inference_recognizer, init_recognizer
    model = recognizer(None)
    torch.save(dict(state_dict=model.state_dict(), meta={}),
               tmp_path / 'model.pth')
    loaded = init_recognizer(CONFIG, str(tmp_path / 'model.pth'), 'cpu')
    found = inference_recognizer(loaded, str(video)).pred_score
    # The first frame of each of eight pairs, grey and normalised.
    levels = (20 + 14 * torch.arange(0, 16, 2) - 127.5) / 64
    clip = levels[None, None, :, None, None].expand(1, 3, 8, 32, 32)
    with torch.no_grad():
        scores = model.cls_head(model.neck(model.backbone(clip))[0])
    # Of 255 levels, compression moves some by one.
    torch.testing.assert_close(found, scores.softmax(1)[0], atol=.02, rtol=0)
    assert found.std() > .05


def test_inferencer(video, tmp_path):
    """MMAction2's, with our test pipeline: the same as the function."""
    from mmaction.apis import (
        MMAction2Inferencer,
        inference_recognizer,
        init_recognizer,
    )
    model = recognizer(None)
    torch.save(dict(state_dict=model.state_dict(), meta={}),
               tmp_path / 'model.pth')
    inferencer = MMAction2Inferencer(
        rec=CONFIG, rec_weights=str(tmp_path / 'model.pth'), device='cpu')
    [found] = inferencer(str(video))['predictions']
    loaded = init_recognizer(CONFIG, str(tmp_path / 'model.pth'), 'cpu')
    wanted = inference_recognizer(loaded, str(video)).pred_score
    assert found['rec_scores'][0] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_missing_mmaction2_is_named(monkeypatch):
    monkeypatch.setattr('lm4ve_mm.utils.install.is_installed',
                        lambda name: name != 'mmaction')
    monkeypatch.delitem(sys.modules, 'lm4ve_mm.video')
    with pytest.raises(ImportError, match=r"pip install -e '\.\[video\]' -c"):
        importlib.import_module('lm4ve_mm.video')


def test_layer_decay_of_a_wrapped_backbone_says_why(tmp_path):
    """MMPretrain's constructor asks the host, which defines no depths."""
    cfg, width, place, _ = HOSTS['timesformer']
    model = MODELS.build(dict(
        type='lm4ve_mm.FrozenLLMBackbone', backbone=cfg, in_channels=width,
        llm=LLM, **place))
    with pytest.raises(NotImplementedError, match='TimeSformer defines no'):
        model.get_layer_depth('backbone.cls_token')


def test_config_is_readable_by_mmengine_alone():
    """As MMAction2's train.py reads it, with custom_imports."""
    assert Config.fromfile(CONFIG).model.neck.type == (
        'lm4ve_mm.FrozenLLMVideoNeck')
