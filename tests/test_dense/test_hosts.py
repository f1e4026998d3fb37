"""The layer in hosts of MMSegmentation and MMDetection: the right tensor."""

import pytest
import torch

from lm4ve_mm.registry import MODELS

LLM = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
SWIN = dict(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2),
            window_size=2)


def build(backbone, width, **options):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='lm4ve_mm.FrozenLLMBackbone', backbone=backbone,
        in_channels=width, llm=LLM, **options)).eval()


@pytest.mark.parametrize('toolbox, name, place', [
    ('mmseg', 'ResNetV1c', dict(output_index=-1)),
    ('mmseg', 'ResNetV1c', dict(insert_after='layer4')),
    ('mmdet', 'ResNet', dict(output_index=-1)),
    ('mmseg', 'SwinTransformer', dict(output_index=-1)),
    ('mmdet', 'SwinTransformer', dict(output_index=-1)),
])
def test_the_last_map_and_no_other(toolbox, name, place, need):
    need(toolbox)
    swin = name.startswith('Swin')
    host = dict(type=f'{toolbox}.{name}',
                **(SWIN if swin else dict(depth=18, base_channels=8)))
    model = build(host, 64, **place)
    image = torch.randn(1, 3, 64, 64)
    found = model(image)
    plain = MODELS.build(host)
    plain.eval()  # of these toolboxes it returns nothing
    plain.load_state_dict(model.backbone.state_dict())
    *others, last = plain(image)
    torch.testing.assert_close(list(found[:-1]), others)
    torch.testing.assert_close(found[-1], model.layer(
        last.flatten(2).mT).mT.unflatten(2, last.shape[2:]))


@pytest.mark.parametrize('toolbox', ['mmseg', 'mmdet'])
def test_stages_of_swin(toolbox, need):
    """The last one goes on as it is; others split, within them they do not."""
    need(toolbox)
    host = dict(type=f'{toolbox}.SwinTransformer', **SWIN)
    image = torch.randn(1, 3, 64, 64)
    plain = MODELS.build(host)
    plain.eval()
    for place, width, changed in (('stages.3', 64, 1),
                                  ('stages.1.blocks.0', 16, 3)):
        model = build(host, width, insert_after=place)
        plain.load_state_dict(model.backbone.state_dict())
        same = [torch.equal(one, other) for one, other in zip(
            model(image), plain(image), strict=True)]
        assert same == [True] * (4 - changed) + [False] * changed
    with pytest.raises(ValueError, match='the last block inside'):
        build(host, 16, insert_after='stages.1')(image)
