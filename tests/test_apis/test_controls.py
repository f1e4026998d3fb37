"""Controls that are made of a config by replacing the block."""

from pathlib import Path

import pytest
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis.controls import BLOCK, CONTROLS, derive
from lm4ve_mm.llm import BlockMismatchError, MLPLayer, NoLayer
from lm4ve_mm.testing import differences

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture
def cfg(read_config):
    return read_config(CONFIGS / 'vit_tiny_minilm_digits.py')


@pytest.mark.parametrize('name', CONTROLS)
def test_only_the_block_is_another(cfg, name):
    made = derive(cfg, name, 3)
    changed = differences(made, cfg)
    assert changed
    assert all(key.startswith(('model.neck.llm', 'randomness.seed'))
               for key in changed)
    assert made.randomness.seed == 3


def test_host_is_the_config_without_a_block(cfg, read_config):
    """Same function and weights as the written control, but for the neck."""
    import torch
    with_neck = apis.build_model(derive(cfg, 'host', 0))
    plain = apis.build_model(read_config(CONFIGS / 'vit_tiny_digits.py'))
    assert isinstance(with_neck.neck.layer, NoLayer)
    state = {name.replace('neck.norm', 'backbone.ln1'): tensor
             for name, tensor in with_neck.state_dict().items()}
    plain.load_state_dict(state)
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(with_neck(images), plain(images))


def test_mlp_and_random_equal_the_written_controls(cfg, read_config):
    for name in ('mlp', 'random'):
        wanted = read_config(CONFIGS / f'vit_tiny_{name}_digits.py' if
                             name == 'mlp' else
                             CONFIGS / 'vit_tiny_minilm_random_digits.py')
        found, seed = derive(cfg, name, 0).model, 'neck.llm.seed'
        changed = differences(Config(dict(m=found)), Config(
            dict(m=wanted.model)))
        assert set(changed) <= {f'm.{seed}', 'm.neck.llm.file_sha256'}
    assert isinstance(apis.build_model(derive(cfg, 'mlp', 0)).neck.layer,
                      MLPLayer)


def test_each_seed_draws_another_random_block(cfg):
    one, two = (apis.build_model(derive(cfg, 'random', seed)).neck.layer
                for seed in (0, 1))
    assert one.identity.family == 'random'
    assert one.identity.sha256 != two.identity.sha256


def test_trained_blocks_take_a_smaller_rate(cfg):
    made = derive(cfg, 'finetuned', 0, lr_mult=.1)
    assert made.model.neck.llm.trainable
    keys = made.optim_wrapper.paramwise_cfg.custom_keys
    assert keys['layer.blocks'].lr_mult == .1
    frozen = derive(cfg, 'random', 0, lr_mult=.1)
    assert 'layer.blocks' not in frozen.optim_wrapper.get(
        'paramwise_cfg', {}).get('custom_keys', {})


def test_the_config_itself(cfg):
    assert set(differences(derive(cfg, BLOCK, 5), cfg)) == {'randomness.seed'}


def test_wrapped_backbones_have_controls_too():
    llm = dict(checkpoint='package://x')
    cfg = Config(dict(model=dict(backbone=dict(
        type='lm4ve_mm.FrozenLLMBackbone', llm=llm, backbone=dict()))))
    made = derive(cfg, 'host', 0)
    assert made.model.backbone.llm == dict(type='lm4ve_mm.NoLayer')


def test_nothing_to_replace(read_config, cfg):
    host = read_config(CONFIGS / 'vit_tiny_digits.py')
    with pytest.raises(ValueError, match='no frozen block to compare with'):
        derive(host, 'random', 0)
    with pytest.raises(ValueError, match="no control 'mpl'; there are host"):
        derive(cfg, 'mpl', 0)


def test_weights_of_a_layer_are_refused(cfg):
    with_block = apis.build_model(cfg).state_dict()
    host = apis.build_model(derive(cfg, 'host', 0))
    with pytest.raises(BlockMismatchError, match='here the host is alone'):
        host.load_state_dict(with_block, strict=False)
