"""The leaves of the SSv2 recipe as models, and their sizes."""

import functools

import pytest
from mmengine.registry import MODELS
from mmengine.registry import init_default_scope as use_scope

import lm4ve_mm.video  # noqa: F401  (registers the backbone)

from ..recipes import SSV2_LEAVES, THIN_LLAMA, read, without_values

WIDTHS = dict(s=384, b=768)
every_leaf = pytest.mark.parametrize('name', SSV2_LEAVES)


def size_of(name):
    return name.split('_')[1]


def build(cfg):
    use_scope(cfg.default_scope)
    model = cfg.model.copy()
    if 'neck' in model and 'type' not in model.neck.llm:
        given = model.neck.llm
        model.neck.llm = dict(
            THIN_LLAMA, map_init=given.map_init,
            trainable=given.get('trainable', False))
    return MODELS.build(model)


@functools.cache
def built(name):
    """A leaf's model, for tests that look at its names and shapes."""
    with without_values():
        return build(read(name))
