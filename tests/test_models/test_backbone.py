"""The layer inside other people's backbones."""

import copy

import pytest
import torch

import lm4ve_mm.plugin  # noqa: F401  (fills the registries)
from lm4ve_mm.registry import MODELS

LLM = dict(
    init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))
VIT = dict(
    type='mmpretrain.VisionTransformer',
    arch=dict(
        embed_dims=24, num_layers=4, num_heads=2, feedforward_channels=48),
    img_size=16,
    patch_size=4,
    out_type='raw',
    final_norm=False)


def build(backbone=VIT, in_channels=24, **options):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='lm4ve_mm.FrozenLLMBackbone',
            backbone=backbone,
            in_channels=in_channels,
            llm=LLM,
            **options)).eval()


@pytest.fixture()
def image():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(
        1))


def by_hand(model, image, after):
    """mmpretrain's ViT step by step, the layer after ``after`` blocks."""
    host = model.backbone
    for module in host.modules():  # the insertion itself is under test
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    x = host.patch_embed(image)[0]
    x = torch.cat([host.cls_token.expand(len(x), -1, -1), x], 1)
    x = x + host.pos_embed
    for count, block in enumerate(host.layers):
        if count == after:
            x = model.layer(x)
        x = block(x)
    return model.layer(x) if after == len(host.layers) else x


@pytest.mark.parametrize('position, after', [('head', 0), ('middle', 2),
                                             ('tail', 4)])
def test_position(position, after, image):
    model = build(blocks='layers', position=position)
    found = model(image)[0]
    torch.testing.assert_close(found, by_hand(model, image, after))


def test_named_module(image):
    model = build(insert_after='layers.1')
    found = model(image)[0]
    torch.testing.assert_close(found, by_hand(model, image, 2))


def test_host_keeps_the_names_of_its_weights():
    model = build(insert_after='layers.1')
    plain = MODELS.build(VIT)
    names = {n.removeprefix('backbone.') for n in model.state_dict()
             if n.startswith('backbone.')}
    assert names == set(plain.state_dict())


def test_copy_uses_its_own_maps(image):
    """An EMA copy must not run through the layer of the original."""
    model = build(insert_after='layers.3')
    twin = copy.deepcopy(model)
    before = model(image)[0]
    torch.nn.init.zeros_(twin.layer.map_out.weight)
    assert not twin(image)[0].any()
    torch.testing.assert_close(model(image)[0], before, rtol=0, atol=0)


HOSTS = {
    'cnn': (dict(type='mmpretrain.ResNet', depth=18), 512, 'layer4'),
    'tuple': (dict(
        type='mmpretrain.SwinTransformer',
        arch=dict(
            embed_dims=12, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8]),
        img_size=64,
        window_size=2), 96, 'stages.3'),
    'timm': (dict(
        type='mmpretrain.TIMMBackbone', model_name='vit_tiny_patch16_224'),
             192, 'timm_model.blocks.11'),
}


@pytest.mark.parametrize('name', HOSTS)
def test_other_toolboxes_and_layouts(name):
    host, width, place = HOSTS[name]
    model = build(host, width, insert_after=place)
    seen = {}
    model.layer.register_forward_hook(
        lambda module, args, out: seen.update(inside=args[0], out=out))
    size = 224 if name == 'timm' else 64
    out = model(torch.randn(1, 3, size, size))[0]
    assert seen['inside'].shape == seen['out'].shape
    assert seen['out'].shape[-1] == width
    if name == 'cnn':  # nothing after layer4 but the output
        torch.testing.assert_close(
            out.flatten(2).transpose(1, 2), seen['out'])
    out.square().mean().backward()
    assert model.layer.map_in.weight.grad.abs().sum() > 0


def test_layer_depths_are_the_hosts():
    model = build(insert_after='layers.1')
    assert model.get_layer_depth('backbone.backbone.layers.2.ln1.weight',
                                 'backbone.') == (3, 6)
    assert model.get_layer_depth('backbone.layer.map_in.weight',
                                 'backbone.') == (5, 6)


@pytest.mark.parametrize('options, message', [
    (dict(insert_after='layer.1'), r"no module 'layer\.1'; similar: .*layers"),
    (dict(blocks='patch_embed'), 'not a list of blocks'),
    (dict(blocks='layers', position='neck'), 'head, middle, tail'),
    (dict(), 'either insert_after'),
    (dict(blocks='layers', insert_after='layers.1'), 'either insert_after'),
])
def test_bad_places(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_module_without_a_tensor():
    host = dict(
        type='mmpretrain.VisionTransformer',
        arch='deit-tiny',
        img_size=32)
    model = build(host, 192, insert_after='patch_embed')
    out = model(torch.zeros(1, 3, 32, 32))  # (tokens, size): tokens are taken
    assert out[0].isfinite().all()


def test_deit_initialisation():
    torch.manual_seed(0)
    model = MODELS.build({
        **VIT, 'type': 'lm4ve_mm.DeiTVisionTransformer',
        'arch': 'deit-small',
        'pos_embed_std': 0.5,
        'img_size': 224,
        'patch_size': 16
    })
    model.init_weights()
    ffn = model.layers[3].ffn.layers[0][0]
    for tensor, std in ((ffn.weight, 0.02), (model.pos_embed, 0.5),
                        (model.layers[0].attn.qkv.weight, 0.02)):
        assert abs(tensor.std().item() / std - 1) < 0.02
    # The reference's class token, of 384 draws.
    assert abs(model.cls_token.std().item() / 1e-6 - 1) < .2
    assert not ffn.bias.any()
