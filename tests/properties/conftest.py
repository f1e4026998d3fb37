"""Hosts of the core as fixtures, for tests of one host alone."""

import pytest

from .hosts import CNN_NECK, VIT_BACKBONE, VIT_NECK_LORA


@pytest.fixture(scope='session')
def cnn(request):
    """The host with BatchNorm."""
    return CNN_NECK.completed(request)


@pytest.fixture(scope='session')
def lora(request):
    """The host whose block and maps are updated by LoRA."""
    return VIT_NECK_LORA.completed(request)


@pytest.fixture(scope='session')
def vit(request):
    """The host with the block inside, and with drop path."""
    return VIT_BACKBONE.completed(request)
