"""Our models of the shape of VideoMAE's tiny files."""

from pathlib import Path

import torch
from mmengine.config import Config

import lm4ve_mm.video  # noqa: F401  (registers the backbone)
from lm4ve_mm.apis import build_model

from .videomae_upstream import CLASSES, DEPTH, FRAMES, HEADS, SIZE, WIDTH

ROOT = Path(__file__).parents[2]
CONFIG = f"""
_base_ = ['{ROOT}/configs/_base_/hosts/videomae_tiny.py',
          '{ROOT}/configs/_base_/video_runtime.py']
model = dict(
    backbone=dict(
        img_size={SIZE}, embed_dims={WIDTH}, depth={DEPTH}, num_heads={HEADS},
        num_frames={FRAMES}, drop_path_rate=0.),
    cls_head=dict(num_classes={CLASSES}, in_channels={WIDTH}))
"""
WITH_LLAMA = CONFIG + f"""
model['backbone']['type'] = 'lm4ve_mm.TokenVisionTransformer'
model['neck'] = dict(
    type='lm4ve_mm.FrozenLLMVideoNeck', in_channels={WIDTH},
    llm=dict(checkpoint='', layers=(15, ), map_init='default'))
"""


def logits(model, clips):
    """Ours: one clip a video."""
    feats, _ = model.extract_feat(clips[:, None], test_mode=True)
    return model.cls_head(feats)


def saved(folder, content):
    torch.save(content, folder / 'published.pth')
    return folder / 'published.pth'


def read(config, options):
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    return cfg


def build(config, **options):
    return build_model(read(config, options))


def started(config, file, **options):
    options = {'model.backbone.init_cfg': dict(
        type='lm4ve_mm.StrictPretrained', checkpoint=str(file)), **options}
    model = build(config, **options)
    model.init_weights()
    return model
