"""What tests of recipes share: reading a config as numbers."""

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn

from lm4ve_mm.testing import differences

CONFIGS = Path(__file__).parents[1] / 'configs'
# LLaMA-7B's width without its bulk.
THIN_LLAMA = dict(
    init='random',
    dtype='float16',
    geometry=dict(width=4096, num_heads=1, head_dim=32, ffn_dim=32))
SSV2_VIDEOS = 168_913  # in its training split
SSV2_TWINS = [f'videomae_{size}{llm}_ssv2' for size in 'sb'
              for llm in ('', '_llama')]
# The paper's table B.
SSV2_CONTROLS = ['videomae_s_mlp_ssv2', 'videomae_s_llama_random_trained_ssv2']
SSV2_LEAVES = SSV2_TWINS + SSV2_CONTROLS


_parse = functools.cache(Config.fromfile)


def read(name):
    """A leaf, which may be changed."""
    return copy.deepcopy(_parse(CONFIGS / f'{name}.py'))


@contextmanager
def without_values() -> Iterator[None]:
    """Large layers are built sooner, for tests that read no value of them."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (nn.Linear, nn.modules.conv._ConvNd):
            patch.setattr(kind, 'reset_parameters', lambda self: None)
        yield


def group_of_each(model, optim_wrapper):
    """The optimiser, and the group of each parameter by its name."""
    wrapper = build_optim_wrapper(model, optim_wrapper)
    assert wrapper.clip_grad_kwargs is None
    group_of = {
        id(p): group
        for group in wrapper.optimizer.param_groups for p in group['params']
    }
    names = dict(model.named_parameters())
    assert len(group_of) == len(names)
    return wrapper.optimizer, {name: group_of[id(p)]
                               for name, p in names.items()}


def different_keys(one, other):
    """The keys in which two configs differ, by their full names."""
    return {f'.{key}' for key in differences(one, other)
            | differences(other, one)}


def indexed(name):
    """A leaf's entry in the model index, and the leaf's text."""
    index = yaml.safe_load((CONFIGS / '../model-index.yml').read_text())
    assert 'configs/metafile.yml' in index['Import']
    metafile = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())
    [entry] = [m for m in metafile['Models'] if m['Name'] == name]
    assert 'Weights' not in entry
    return entry, (CONFIGS.parent / entry['Config']).read_text()


def named(pipeline, ending):
    """The one step of a pipeline whose type ends like that."""
    [found] = [one for one in pipeline if one.type.endswith(ending)]
    return found
