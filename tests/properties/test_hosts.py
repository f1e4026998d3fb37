"""The shared properties, with every host of the core."""

import pytest

from lm4ve_mm.testing import (
    FrozenBlock,
    Resume,
    TwoProcesses,
)

from .hosts import CNN_NECK, VIDEOMAE, VIT_BACKBONE, VIT_NECK, VIT_NECK_LORA


# Together they are HostProperties; two processes are slow, and the step of
# two is tested for every change in test_distributed.py.
class TestViTNeck(FrozenBlock, Resume):
    HOST = VIT_NECK


class TestViTBackbone(FrozenBlock, Resume):
    HOST = VIT_BACKBONE


class TestCNNNeck(FrozenBlock, Resume):
    HOST = CNN_NECK


class TestViTNeckLoRA(FrozenBlock, Resume):
    HOST = VIT_NECK_LORA


class TestVideoMAE(FrozenBlock, Resume):
    HOST = VIDEOMAE


@pytest.mark.slow
class TestViTNeckInTwoProcesses(TwoProcesses):
    HOST = VIT_NECK


@pytest.mark.slow
class TestViTBackboneInTwoProcesses(TwoProcesses):
    HOST = VIT_BACKBONE


@pytest.mark.slow
class TestCNNNeckInTwoProcesses(TwoProcesses):
    HOST = CNN_NECK


@pytest.mark.slow
class TestViTNeckLoRAInTwoProcesses(TwoProcesses):
    HOST = VIT_NECK_LORA


@pytest.mark.slow
class TestVideoMAEInTwoProcesses(TwoProcesses):
    HOST = VIDEOMAE
