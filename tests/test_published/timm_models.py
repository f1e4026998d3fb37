"""Small models of timm, and the same hosts of MMPretrain."""

from typing import NamedTuple

import timm
import torch

VIT = dict(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2,
           num_classes=7)
SWIN = dict(img_size=64, patch_size=2, window_size=4, embed_dim=8,
            depths=(1, 1, 2, 1), num_heads=(1, 2, 2, 4), num_classes=7)
OUR_VIT = dict(
    type='mmpretrain.VisionTransformer', img_size=32, patch_size=8,
    arch=dict(embed_dims=24, num_layers=2, num_heads=2,
              feedforward_channels=96))
OUR_SWIN = dict(
    type='mmpretrain.SwinTransformer', img_size=64, patch_size=2,
    window_size=4, arch=dict(embed_dims=8, depths=[1, 1, 2, 1],
                             num_heads=[1, 2, 2, 4]))
OUR_CONVNEXT = dict(
    type='mmpretrain.ConvNeXt',
    arch=dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32]))
LAYER_SCALE = dict(layer_scale_init_value=1.)


class Pair(NamedTuple):
    """A model of timm and the backbone that is the same function.

    Args:
        name: timm's.
        options: Of timm.
        backbone: Ours.
        pooled: Whether the backbone pools, and not a neck.
    """

    name: str
    options: dict
    backbone: dict
    pooled: bool = True


PAIRS = dict(
    vit=Pair('vit_tiny_patch16_224', VIT, OUR_VIT),
    vit_mean=Pair('vit_tiny_patch16_224', dict(VIT, global_pool='avg'),
                  dict(OUR_VIT, out_type='avg_featmap', final_norm=False)),
    vit_no_class_token=Pair(
        'vit_tiny_patch16_224',
        dict(VIT, class_token=False, global_pool='avg', fc_norm=True),
        dict(OUR_VIT, with_cls_token=False, out_type='avg_featmap',
             final_norm=False)),
    deit3=Pair(
        'vit_tiny_patch16_224',
        dict(VIT, no_embed_class=True, init_values=1e-6),
        dict(OUR_VIT, **LAYER_SCALE)),
    distilled=Pair(
        'deit_tiny_distilled_patch16_224', VIT,
        dict(OUR_VIT, type='mmpretrain.DistilledVisionTransformer')),
    swin=Pair('swin_tiny_patch4_window7_224', SWIN, OUR_SWIN, False),
    convnext=Pair('convnext_tiny', dict(
        depths=(1, 1, 2, 1), dims=(8, 16, 24, 32), num_classes=7),
        OUR_CONVNEXT))


def of_timm(pair, **more):
    """timm's model with weights that no initialiser gives."""
    model = timm.create_model(pair.name, **{**pair.options, **more}).eval()
    generator = torch.Generator().manual_seed(3)
    for weight in model.parameters():
        weight.data = torch.randn(weight.shape, generator=generator) / 4
    return model


def classifier(pair, **more):
    """A classifier of ours."""
    kind = pair.backbone['type'].partition('.')[2]
    width = dict(SwinTransformer=64, ConvNeXt=32).get(kind, 24)
    head = 'DeiTClsHead' if 'Distilled' in kind else 'LinearClsHead'
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone={**pair.backbone, **more},
        neck=None if pair.pooled else dict(
            type='mmpretrain.GlobalAveragePooling'),
        head=dict(type=f'mmpretrain.{head}', num_classes=7,
                  in_channels=width))
