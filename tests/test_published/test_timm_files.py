"""Plain files of timm and MMPretrain start the hosts of MMPretrain."""

import json
import logging

import pytest
import timm
import torch
from mmengine.logging import MMLogger
from mmpretrain.models.utils import resize_pos_embed
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table_simple

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.models.starts import load_into
from lm4ve_mm.published.host_files import input_statistics
from lm4ve_mm.registry import MODELS

from .timm_models import (
    OUR_CONVNEXT,
    OUR_SWIN,
    OUR_VIT,
    PAIRS,
    classifier,
    of_timm,
)

LLM = dict(init='random', geometry=dict(width=32, num_heads=4, ffn_dim=64))


def started(backbone, checkpoint, **more):
    """A backbone that has been initialised from a file."""
    model = MODELS.build(dict(backbone, init_cfg=dict(
        type='lm4ve_mm.StrictPretrained', checkpoint=str(checkpoint), **more)))
    model.init_weights()
    model.eval()  # MMPretrain's give None
    return model


@pytest.fixture
def said(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger=logger.name):
        yield lambda: caplog.text
    logger.removeHandler(caplog.handler)


@pytest.mark.parametrize('name', PAIRS)
@torch.no_grad()
def test_logits_are_those_of_timm(name):
    pair = PAIRS[name]
    theirs, ours = of_timm(pair), MODELS.build(classifier(pair)).eval()
    side = pair.options.get('img_size', 64)
    images = torch.randn(2, 3, side, side,
                         generator=torch.Generator().manual_seed(1))
    load_into(ours, theirs.state_dict(), strict=True)
    wanted = theirs(images)
    assert wanted.std() > 0.05
    torch.testing.assert_close(ours.head(ours.extract_feat(images)), wanted,
                               rtol=1e-5, atol=1e-5)


def as_published(form, state):
    """timm's tensors under the names of the models' authors."""
    if form == 'swin':
        names = {n: n for n in state}
        for stage in (1, 2, 3):
            names |= {n: n.replace(f'layers.{stage}.downsample',
                                   f'layers.{stage - 1}.downsample')
                      for n in state if n.startswith(
                          f'layers.{stage}.downsample')}
        held = {names[n].replace('head.fc', 'head'): t
                for n, t in state.items()}
        return {**held, 'layers.0.blocks.0.attn_mask': torch.zeros(1)}
    swaps = (('stem.', 'downsample_layers.0.'), ('conv_dw', 'dwconv'),
             ('.blocks.', '.'), ('mlp.fc', 'pwconv'), ('head.norm', 'norm'),
             ('head.fc', 'head'))
    held = {}
    for name, tensor in state.items():
        if '.downsample.' in name:
            _, stage, _, rest = name.split('.', 3)
            name = f'downsample_layers.{stage}.{rest}'
        for theirs, original in swaps:
            name = name.replace(theirs, original)
        held[name] = tensor
    return held


@pytest.mark.parametrize('name', ['swin', 'convnext'])
def test_files_of_the_authors_give_the_same_host(name, tmp_path):
    pair = PAIRS[name]
    state = of_timm(pair).state_dict()
    one, other = tmp_path / 'timm.pth', tmp_path / 'authors.pth'
    torch.save(state, one)
    torch.save(dict(model=as_published(name, state)), other)
    assert torch.load(other)['model'].keys() != state.keys()
    wanted = started(pair.backbone, one).state_dict()
    for key, tensor in started(pair.backbone, other).state_dict().items():
        assert torch.equal(tensor, wanted[key]), key


def written(state, folder, form):
    """The same tensors in every form of file; gives what to name."""
    if form in ('safetensors', 'folder'):
        name = 'model' if form == 'folder' else 'vit'
        save_file(state, folder / f'{name}.safetensors')
        return folder if form == 'folder' else folder / 'vit.safetensors'
    if form == 'bin_folder':
        torch.save(state, folder / 'pytorch_model.bin')
        return folder
    held = state if form == 'plain' else {form: state}
    torch.save(held, folder / 'vit.pth')
    return folder / 'vit.pth'


FORMS = ('safetensors', 'folder', 'bin_folder', 'plain', 'model',
         'state_dict')


@pytest.mark.parametrize('form', FORMS)
def test_every_form_of_file(form, tmp_path, said):
    """The head of other classes is left out, and that is said."""
    state = of_timm(PAIRS['vit']).state_dict()
    model = started(OUR_VIT, written(state, tmp_path, form))
    assert torch.equal(model.layers[1].attn.qkv.weight,
                       state['blocks.1.attn.qkv.weight'])
    assert torch.equal(model.ln1.bias, state['norm.bias'])
    names = sorted(("'head.weight'", "'head.bias'"),
                   reverse='safetensors' not in said())
    assert f'Unused: [{", ".join(names)}].' in said()


def test_a_folder_without_weights_is_an_error(tmp_path):
    (tmp_path / 'README.md').touch()
    with pytest.raises(CheckpointNotFoundError,
                       match=r'has neither model\.safetensors nor '
                       r'pytorch_model\.bin; it holds README\.md'):
        started(OUR_VIT, tmp_path)


def test_a_model_of_the_hub_comes_out_of_the_cache(tmp_path, monkeypatch):
    state = of_timm(PAIRS['vit']).state_dict()
    commit = '0' * 40
    model = tmp_path / 'models--timm--small.digits'
    (model / 'refs').mkdir(parents=True)
    (model / 'refs/main').write_text(commit)
    (model / 'snapshots' / commit).mkdir(parents=True)
    save_file(state, model / 'snapshots' / commit / 'model.safetensors')
    (model / 'snapshots' / commit / 'config.json').write_text(json.dumps(
        dict(pretrained_cfg=dict(mean=[0.5] * 3, std=[0.25] * 3))))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE',
                        str(tmp_path))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    held = started(OUR_VIT, 'hf://timm/small.digits')
    assert torch.equal(held.pos_embed, state['pos_embed'])
    assert input_statistics('hf://timm/small.digits') == dict(
        mean=[127.5] * 3, std=[63.75] * 3)
    with pytest.raises(CheckpointNotFoundError, match='HF_HUB_OFFLINE'):
        started(OUR_VIT, 'hf://timm/another')


@pytest.mark.parametrize('change, words', [
    (lambda s: {**s, 'blocks.0.attn.q_norm.weight': torch.ones(12)},
     r'the model has no blocks\.0\.attn\.q_norm\.weight'),
    (lambda s: {**s, 'reg_token': torch.ones(1, 4, 24)},
     'the model has no reg_token'),
    (lambda s: {n: t for n, t in s.items() if 'blocks.1.mlp' not in n},
     r'lacks layers\.1\.ffn\.layers\.0\.0\.weight'),
    (lambda s: {**s, 'pos_embed': torch.ones(1, 15, 24)},
     r'pos_embed: \(1, 15, 24\) in the file, \(1, 17, 24\).*square'),
])
def test_another_architecture_is_an_error(change, words, tmp_path):
    state = change(of_timm(PAIRS['vit']).state_dict())
    with pytest.raises(CheckpointError, match=words):
        started(OUR_VIT, written(state, tmp_path, 'plain'))


@pytest.mark.parametrize('wraps', [False, True])
@pytest.mark.parametrize('name', ['vit', 'vit_no_class_token', 'deit3'])
def test_positions_of_another_size_are_resized(name, wraps, tmp_path, said):
    """As MMPretrain does it; timm's bicubic differs by its coefficient."""
    pair = PAIRS[name]
    state = of_timm(pair).state_dict()
    host = dict(pair.backbone, img_size=48)
    if wraps:
        host = dict(type='lm4ve_mm.FrozenLLMBackbone', backbone=host,
                    in_channels=24, blocks='layers', llm=LLM)
    held = started(host, written(state, tmp_path, 'plain'))
    held = (held.backbone if wraps else held).pos_embed
    extra = 0 if name == 'vit_no_class_token' else 1
    table = state['pos_embed']
    if name == 'deit3':
        table = torch.cat([torch.zeros(1, 1, 24), table], 1)
    assert torch.equal(held, resize_pos_embed(
        table, (4, 4), (6, 6), 'bicubic', extra))
    timms = resample_abs_pos_embed(table, (6, 6), num_prefix_tokens=extra,
                                   antialias=False)
    torch.testing.assert_close(held, timms)
    assert 'Resized: pos_embed from 4x4 to 6x6.' in said()


def test_a_file_with_a_class_token_for_a_host_without(tmp_path, said):
    state = of_timm(PAIRS['vit_mean']).state_dict()
    held = started(PAIRS['vit_no_class_token'].backbone,
                   written(state, tmp_path, 'plain'))
    assert torch.equal(held.pos_embed, state['pos_embed'][:, 1:])
    assert torch.equal(held.ln2.weight, state['fc_norm.weight'])
    assert "Unused: ['cls_token'" in said()


def test_tables_of_another_window_are_resized(tmp_path, said):
    state = of_timm(PAIRS['swin']).state_dict()
    host = dict(OUR_SWIN, img_size=96, window_size=6)
    held = started(host, written(state, tmp_path, 'plain'))
    table = state['layers.1.blocks.0.attn.relative_position_bias_table']
    attention = held.stages[1].blocks[0].attn.w_msa
    assert torch.equal(
        attention.relative_position_bias_table,
        resize_rel_pos_bias_table_simple(table, (6, 6), (121, 2)))
    assert attention.relative_position_index.max() == 120
    assert 'relative_position_bias_table from 7x7 to 11x11' in said()


@pytest.mark.parametrize('host, name, width', [
    (OUR_SWIN, 'swin', 64), (OUR_CONVNEXT, 'convnext', 32)])
def test_a_wrapped_host_without_a_layer_is_the_host(host, name, width,
                                                    tmp_path):
    """The layer is behind the last stage; the host's norm is behind it."""
    state = of_timm(PAIRS[name]).state_dict()
    wrapped = started(
        dict(type='lm4ve_mm.FrozenLLMBackbone', backbone=host,
             in_channels=width, insert_after='stages.3', llm=LLM,
             **(dict(output_index=0) if name == 'swin' else {})),
        written(state, tmp_path, 'plain'))
    alone = started(host, tmp_path / 'vit.pth')
    held = wrapped.backbone.state_dict()
    for key, tensor in alone.state_dict().items():
        assert torch.equal(held[key], tensor), key


def test_checkpoints_of_mmpretrain(tmp_path):
    """With the head of a thousand classes, under ``backbone.``."""
    pair = PAIRS['swin']
    model = MODELS.build(classifier(pair))
    load_into(model, of_timm(pair).state_dict(), strict=True)
    torch.save(dict(meta={}, state_dict=model.state_dict()),
               tmp_path / 'swin.pth')
    wrapped = started(dict(OUR_SWIN, img_size=96, window_size=6),
                      tmp_path / 'swin.pth')
    assert torch.equal(wrapped.norm3.weight, model.backbone.norm3.weight)
    assert wrapped.stages[0].blocks[0].attn.w_msa.relative_position_index.max(
        ) == 120


def test_a_model_of_timm_in_mmpretrains_wrapper(tmp_path):
    """Any host of timm: its own names, nothing to translate."""
    theirs = timm.create_model('resnet10t', num_classes=7)
    torch.save(theirs.state_dict(), tmp_path / 'resnet.pth')
    held = started(dict(type='mmpretrain.TIMMBackbone',
                        model_name='resnet10t'), tmp_path / 'resnet.pth')
    for key, tensor in held.timm_model.state_dict().items():
        assert torch.equal(tensor, theirs.state_dict()[key]), key


def test_statistics_of_a_file_alone_are_unknown(tmp_path):
    (tmp_path / 'vit.pth').touch()
    assert input_statistics(tmp_path / 'vit.pth') is None
    (tmp_path / 'config.json').write_text('{"mean": [0, 0, 0]}')
    assert input_statistics(tmp_path) is None
    (tmp_path / 'config.json').write_text('{')
    with pytest.raises(CheckpointError, match=r'config\.json is no JSON'):
        input_statistics(tmp_path)
