"""The shared properties of a host with a frozen block, with VectorNet."""

import pytest

from lm4ve_mm.testing import (
    TINY_LLAMA,
    FrozenBlock,
    Host,
    Resume,
    TwoProcesses,
)


def vectornet(llm: dict) -> dict:
    """A small VectorNet, the block among agents and lanes."""
    return dict(
        type='lm4ve_mm.VectorNet',
        widths=(4, 8),
        neck=dict(type='lm4ve_mm.TokenInsertNeck', llm=llm))


# Three batches of 16 scenes.
TOWN = dict(
    type='lm4ve_mm.Town',
    split='train',
    data_root='fixture:generated/motion_town',
    train=48,
    val=1,
    test=1,
    featuriser=dict(type='lm4ve_mm.VectorNetFeatures', reach=60.),
    pipeline=[dict(type='lm4ve_mm.PackScene')])


VECTORNET = Host(
    vectornet, TINY_LLAMA, 'neck.layer', TOWN,
    metric=dict(type='lm4ve_mm.ForecastMetric'),
    imports=('lm4ve_motion', ))


class TestVectorNet(FrozenBlock, Resume):
    HOST = VECTORNET


@pytest.mark.slow
class TestVectorNetInTwoProcesses(TwoProcesses):
    HOST = VECTORNET
