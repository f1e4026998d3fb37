"""The shared properties of a host with a frozen block, with Point-BERT."""

import pytest

from lm4ve_mm.testing import (
    TINY_LLAMA,
    FrozenBlock,
    Host,
    Resume,
    TwoProcesses,
)


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


# As many points as the model takes, since it is trained and tested on them.
SOLIDS = dict(
    type='lm4ve_mm.PointShapes',
    split='train',
    data_root='fixture:generated/point_shapes',
    count=48,
    num_points=96,
    pipeline=[
        dict(type='lm4ve_mm.ShufflePoints'),
        dict(type='lm4ve_mm.PackPoints')
    ])


POINT_BERT = Host(
    point_bert, TINY_LLAMA, 'neck.layer', SOLIDS,
    metric=dict(type='mmpretrain.Accuracy', topk=(1, )),
    imports=('lm4ve_point_cloud', ))


class TestPointBERT(FrozenBlock, Resume):
    HOST = POINT_BERT


@pytest.mark.slow
class TestPointBERTInTwoProcesses(TwoProcesses):
    HOST = POINT_BERT
