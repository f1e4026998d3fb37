"""Looking into models of every kind, and drawing what is there."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from mmengine.dataset import pseudo_collate
from mmpretrain.models.utils import MultiheadAttention
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.analysis.features import host_attention, inserted, look
from lm4ve_mm.analysis.layouts import layout_of
from lm4ve_mm.analysis.pictures import (
    ClipPicture,
    CloudPicture,
    ImagePicture,
    sheet,
)
from lm4ve_mm.image.layout import grid_of
from lm4ve_mm.utils.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / 'configs'
TINY = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
LAYERS = dict(block=TINY, mlp=dict(type='lm4ve_mm.MLPLayer', hidden_dims=32),
              host=dict(type='lm4ve_mm.NoLayer'))


def classifier(llm, **neck):
    torch.manual_seed(0)
    cfg = apis.load_config(CONFIGS / 'vit_tiny_minilm_digits.py')
    cfg.model.backbone.arch = dict(
        embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
    cfg.model.neck.pop('llm')
    cfg.model.neck.update(in_channels=16, llm=llm, **neck)
    cfg.model.head.in_channels = 16
    return apis.build_model(cfg)


def batch(count=2, seed=0):
    rng = np.random.default_rng(seed)
    from mmpretrain.structures import DataSample
    return pseudo_collate([dict(
        inputs=torch.from_numpy(rng.integers(0, 255, (3, 16, 16), np.uint8)),
        data_samples=DataSample()) for _ in range(count)])


@pytest.mark.parametrize('kind, steps', [
    ('block', ['host', 'map_in', 'attn', 'ffn', 'map_out']),
    ('mlp', ['host', 'map_in', 'hidden', 'map_out']), ('host', ['host'])])
def test_steps_of_a_classifier(kind, steps):
    model = classifier(LAYERS[kind])
    looked = look(model, batch())
    assert looked.shown() == steps
    assert looked.steps['host'].shape == (2, 16, 16)
    with torch.no_grad():
        plain = model.test_step(batch())
    assert torch.equal(looked.samples[1].pred_score, plain[1].pred_score)
    assert looked.pictures[0].grid == (4, 4)
    assert (looked.pictures[1].image == batch()['inputs'][1].permute(
        1, 2, 0).numpy()).all()
    maps = looked.maps()
    assert {measure for step, measure in maps if step == 'host'} == {
        'magnitude', 'frequency', 'attention'}
    assert (('attn', 'attention') in maps) == (kind == 'block')
    assert not any(part._forward_hooks or part._forward_pre_hooks
                   for part in model.modules())


def test_the_last_step_is_what_the_head_reads():
    """With pooling over all tokens: norm of the mean of ``out``."""
    model = classifier(TINY, pooling='mean')
    looked = look(model, batch())
    features = model.extract_feat(model.data_preprocessor(batch())['inputs'])
    wanted = model.neck.norm(looked.steps['out'].mean(1))
    torch.testing.assert_close(features[0], wanted)


def test_a_batch_changes_nothing():
    model = classifier(TINY)
    together = look(model, batch(3)).maps()
    data = batch(3)
    for number in range(3):
        one = dict(inputs=data['inputs'][number:number + 1],
                   data_samples=data['data_samples'][number:number + 1])
        for key, values in look(model, one).maps().items():
            # The phase of a frequency near zero turns on rounding.
            atol = 1e-4 if key[1] == 'frequency' else 1e-5
            torch.testing.assert_close(
                values[0], together[key][number], atol=atol, rtol=0)


def test_a_model_without_a_neck():
    cfg = apis.load_config(CONFIGS / 'vit_tiny_digits.py')
    model = apis.build_model(cfg)
    looked = look(model, batch())
    assert inserted(model) is None and looked.shown() == ['host']
    seen = []
    model.backbone.layers[-1].register_forward_hook(
        lambda module, args, output: seen.append(output))
    model.test_step(batch())
    assert torch.equal(looked.steps['host'], seen[0][:, 1:])


def test_unknown_steps_and_models():
    looked = look(classifier(LAYERS['mlp']), batch(1))
    with pytest.raises(ConfigError, match='no step attn; this model has host'):
        looked.maps(['attn'])
    with pytest.raises(ConfigError, match='tokens of Linear .* not known'):
        layout_of(nn.Linear(2, 2))


@pytest.mark.parametrize('shape, count, wanted', [
    ((224, 224), 197, (14, 14)), ((224, 224), 198, (14, 14)),
    ((224, 320), 280, (14, 20)), ((16, 16), 16, (4, 4))])
def test_grids(shape, count, wanted):
    assert grid_of(shape, count) == wanted
    with pytest.raises(ConfigError, match='make no grid'):
        grid_of(shape, count + 3)


def test_attention_of_a_host_is_the_one_it_uses():
    torch.manual_seed(0)
    attention = MultiheadAttention(12, 3).eval()
    tokens = torch.randn(2, 5, 12)
    weights = host_attention(attention, tokens)
    assert weights.shape == (2, 3, 1, 5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 1))
    value = attention.qkv(tokens)[..., 24:].unflatten(
        -1, (3, 4)).transpose(1, 2)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attention.proj(mixed), attention(tokens)[:, :1])


def images_of(draw, **kwargs):
    axis = Figure().add_subplot(**kwargs)
    draw(axis)
    return axis


def test_an_image_under_its_map():
    picture = ImagePicture(np.zeros((4, 8, 3), np.uint8), (1, 2))
    axis = images_of(lambda axis: picture.overlay(axis, np.array([.2, .7])))
    _, heat = axis.images
    assert heat.get_array().tolist() == [[.2, .7]]
    assert heat.get_clim() == (0, 1)  # not stretched again
    assert list(heat.get_extent()) == [-.5, 7.5, 3.5, -.5]
    axis = images_of(
        lambda axis: picture.overlay(axis, np.array([.2, .7]), .5))
    assert (axis.images[1].get_array()[0, :, 3] > 0).tolist() == [True, False]


def test_a_clip_repeats_its_tokens_in_time():
    frames = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones(
        (2, 2, 3), np.uint8)
    picture = ClipPicture(frames, (2, 1, 1))
    axis = images_of(lambda axis: picture.overlay(axis, np.array([.1, .9])))
    shown, heat = axis.images
    assert shown.get_array()[0, ::2, 0].tolist() == [0, 1, 2, 3]
    assert heat.get_array().tolist() == [[.1, .1, .9, .9]]
    assert picture.aspect == 4


def test_points_take_the_value_of_their_token():
    picture = CloudPicture(np.arange(9.).reshape(3, 3), np.array([1, 0, 1]))
    axis = images_of(lambda axis: picture.overlay(axis, np.array([.3, .8])),
                     projection='3d')
    assert axis.collections[0].get_array().tolist() == [.8, .3, .8]
    axis = images_of(
        lambda axis: picture.overlay(axis, np.array([.3, .8]), .5),
        projection='3d')
    assert len(axis.collections[0]._offsets3d[0]) == 2


def test_a_sheet_of_all_kinds(tmp_path):
    image = ImagePicture(np.zeros((4, 4, 3), np.uint8), (2, 2))
    cloud = CloudPicture(np.random.rand(5, 3), np.zeros(5, int))
    sheet([[(image, None, None, 'one'), (image, np.ones(4), None, 'two')],
           [(cloud, np.ones(1), None, 'three'), None]]).savefig(
               tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 2000
