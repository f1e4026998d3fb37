"""The shared properties, with every host of the core."""

from lm4ve_mm.testing import HostProperties

from .hosts import CNN_NECK, VIDEOMAE, VIT_BACKBONE, VIT_NECK, VIT_NECK_LORA


class TestViTNeck(HostProperties):
    HOST = VIT_NECK


class TestViTBackbone(HostProperties):
    HOST = VIT_BACKBONE


class TestCNNNeck(HostProperties):
    HOST = CNN_NECK


class TestViTNeckLoRA(HostProperties):
    HOST = VIT_NECK_LORA


class TestVideoMAE(HostProperties):
    HOST = VIDEOMAE
