"""Checkpoints cannot act, wherever they are loaded."""

import pytest
import torch
from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint

import lm4ve_mm.plugin  # noqa: F401
from lm4ve_mm import apis
from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError


def llm(width=32, **change):
    return dict(init='random', geometry=dict(
        width=width, num_heads=4, ffn_dim=64, **change))


def config(**change):
    return Config(dict(
        default_scope='mmpretrain',
        test_dataloader=dict(dataset=dict(type='CustomDataset', pipeline=[
            dict(type='mmpretrain.LoadImageFromFile'),
            dict(type='mmpretrain.Resize', scale=16),
            dict(type='mmpretrain.PackInputs')])),
        model=dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='mmpretrain.VisionTransformer', arch=dict(
                    embed_dims=24, num_layers=1, num_heads=2,
                    feedforward_channels=48),
                img_size=16, patch_size=8, out_type='raw',
                final_norm=False),
            neck=dict(type='lm4ve_mm.FrozenLLMNeck', in_channels=24,
                      llm=llm(**change)),
            head=dict(type='mmpretrain.LinearClsHead', num_classes=3,
                      in_channels=24))))


@pytest.fixture
def payload(tmp_path):
    """A checkpoint with code at every place, and what the code would make."""
    made = tmp_path / 'made'
    code = f'open({str(made)!r}, "w").close()\nmodel = dict()\n'
    torch.save(dict(
        meta=dict(cfg=code, config=code, epoch=1, iter=3),
        message_hub=dict(runtime_info=dict(cfg=code)),
        state_dict=MODELS.build(config().model).state_dict()),
        tmp_path / 'epoch_1.pth')
    yield str(tmp_path / 'epoch_1.pth')
    DefaultScope._instance_dict.clear()
    assert not made.exists()


class Inferencer(BaseInferencer):
    """As MMAction2's, which hands on what it is given."""

    preprocess = postprocess = visualize = _init_pipeline = (
        lambda self, *args, **options: None)


def by_inferencer(cfg, file):
    from mmpretrain import ImageClassificationInferencer
    return ImageClassificationInferencer(cfg, pretrained=file, device='cpu')


def by_get_model(cfg, file):
    from mmpretrain import get_model
    return get_model(cfg, pretrained=file)


def by_load_checkpoint(cfg, file):
    model = MODELS.build(cfg.model)
    load_checkpoint(model, file)
    return model


WAYS = dict(
    load_model=apis.load_model, get_model=by_get_model,
    load_checkpoint=by_load_checkpoint, inferencer=by_inferencer,
    base_inferencer=lambda cfg, file: Inferencer(cfg, file, scope='mmengine'),
)


@pytest.mark.parametrize('way', WAYS)
def test_no_way_of_loading_runs_code(way, payload):
    assert WAYS[way](config(), payload) is not None


def test_an_inferencer_without_a_config_is_told_to_have_one(payload):
    with pytest.raises(ConfigError, match='model=CONFIG'):
        Inferencer(None, payload, scope='mmengine')


def test_text_of_ones_own_is_parsed():
    assert Config.fromstring('answer = 42', '.py').answer == 42


@pytest.mark.parametrize('way', ['load_model', 'get_model', 'inferencer',
                                 'load_checkpoint'])
@pytest.mark.parametrize(('change', 'words'), [
    (dict(width=64), 'were trained with'), (dict(causal=True), 'causal')])
def test_another_block_is_refused_by_every_way(way, change, words, payload):
    with pytest.raises((ValueError, RuntimeError), match=words):
        WAYS[way](config(**change), payload)


@pytest.mark.parametrize('way', ['get_model', 'inferencer',
                                 'load_checkpoint'])
def test_weights_that_do_not_name_their_block_are_said(
        way, payload, monkeypatch):
    said = []
    monkeypatch.setattr('lm4ve_mm.models.starts.print_log',
                        lambda text, **_: said.append(text))
    held = torch.load(payload, weights_only=True)
    del held['state_dict']['neck.layer.block_identity']
    torch.save(held, payload)
    WAYS[way](config(), payload)
    assert 'does not say which block neck.layer was' in ''.join(said)
