"""Hosts that start from a file, in every spelling."""

import itertools

import torch
from mmengine.model import PretrainedInit

import lm4ve_mm.video  # noqa: F401  (registers the backbones)

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
