"""Every leaf of configs/finetune/, on a folder of toy images."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain import ImageClassificationInferencer
from PIL import Image

from lm4ve_mm.apis.launch import build_runner
from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.testing import StopAfterEpoch, probe
from lm4ve_mm.testing.configs import EXPECTED, docstring_of

from .test_published.timm_models import PAIRS, of_timm

CONFIGS = Path(__file__).parents[1] / 'configs'
LEAVES = sorted((CONFIGS / 'finetune').glob('*.py'))
ARCHES = dict(
    vit=dict(
        pair='vit', width=24, host=dict(patch_size=8), size=32, arch=dict(
            embed_dims=24, num_layers=2, num_heads=2,
            feedforward_channels=96)),
    swin=dict(
        pair='swin', width=64, host=dict(patch_size=2, window_size=4),
        size=64, arch=dict(embed_dims=8, depths=[1, 1, 2, 1],
                           num_heads=[1, 2, 2, 4])),
    convnext=dict(
        pair='convnext', width=32, host=dict(), size=64,
        arch=dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32])))
every_leaf = pytest.mark.parametrize('path', LEAVES, ids=lambda p: p.stem)


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    """Two classes, told apart by their colour."""
    root = tmp_path_factory.mktemp('own') / 'photos'
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for label, name in enumerate(('cat', 'dog')):
            (root / split / name).mkdir(parents=True)
            for number in range(2):
                pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
                pixels[..., label] //= 4
                Image.fromarray(pixels).save(
                    root / split / name / f'{number}.jpg')
    return root


@pytest.fixture(scope='module')
def hosts(tmp_path_factory):
    """Toy models of timm, each a folder as on the hub."""
    root = tmp_path_factory.mktemp('hosts')
    for name in ARCHES:
        (root / name).mkdir()
        torch.save(of_timm(PAIRS[name]).state_dict(),
                   root / name / 'pytorch_model.bin')
        (root / name / 'config.json').write_text(json.dumps(dict(
            pretrained_cfg=dict(mean=[0.5] * 3, std=[0.5] * 3))))
    return root


def toy(path, photos, hosts, llama, work_dir):
    """The leaf with another host of the same kind, and a toy LLaMA."""
    cfg = Config.fromfile(path)
    host = ARCHES[path.stem.partition('_')[0]]
    backbone = cfg.model.backbone
    inner = backbone.get('backbone', backbone)
    inner.update(arch=host['arch'], drop_path_rate=0., **host['host'])
    backbone.init_cfg.checkpoint = str(hosts / host['pair'])
    for part in (backbone, cfg.model.neck or {}, cfg.model.head):
        if 'in_channels' in part:
            part.in_channels = host['width']
        if 'llm' in part:
            part.llm = dict(checkpoint=str(llama))
    cfg.update(data_root=str(photos), img_size=host['size'],
               work_dir=str(work_dir), launcher='none', log_level='INFO',
               experiment_name=work_dir.name)
    cfg.train_cfg.max_epochs = 2
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(batch_size=2, num_workers=0)
    return cfg


@every_leaf
def test_form(path, read_config):
    text = path.read_text()
    assert len(text[text.index('_base_'):].splitlines()) <= 18
    assert f'tools/train.py {path.relative_to(CONFIGS.parent)}' in text
    assert 'data_root=photos' in text
    assert re.search(EXPECTED, docstring_of(path))
    cfg = read_config(path)
    assert cfg.runner_type == 'lm4ve_mm.FineTuningRunner'
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 0


# ViT-S and Swin-T are alike, and quicker.
SLOW = ('vit_t', 'convnext')


@pytest.mark.parametrize('path', [pytest.param(
    leaf, id=leaf.stem, marks=[pytest.mark.slow] if leaf.stem.startswith(
        SLOW) else []) for leaf in LEAVES])
def test_trains_on_a_folder(path, photos, hosts, tiny_llama, tmp_path):
    """An epoch; head, metric and normalisation agree, everything learns."""
    cfg = toy(path, photos, hosts, tiny_llama, tmp_path / path.stem)
    before, rates = {}, {}

    def note(runner):
        before.update((name, parameter.detach().clone()) for name, parameter
                      in runner.model.named_parameters())
        groups = runner.optim_wrapper.optimizer.param_groups
        of = {id(p): group['initial_lr'] for group in groups
              for p in group['params']}
        rates.update((name, of[id(parameter)]) for name, parameter
                     in runner.model.named_parameters())

    runner = build_runner(cfg)
    runner.register_hook(StopAfterEpoch())
    runner.register_hook(probe('before_train', note))
    runner.train()
    model = runner.model
    assert model.head.fc.weight.shape[0] == 2
    assert model.data_preprocessor.mean.flatten().tolist() == [127.5] * 3
    assert runner.message_hub.get_scalar('val/accuracy/top1').current() >= 0
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert not torch.equal(parameter, before[name]), name
        new = name.startswith(('neck.', 'head.', 'backbone.layer.'))
        assert rates[name] == pytest.approx(5e-4 if new else 5e-5), name
    log = ''.join(file.read_text() for file in tmp_path.rglob('*.log'))
    assert '2 classes in' in log and 'head' in log.partition('Unused: ')[2]
    assert log.count('train: 4 images of 2 classes') == 1


def test_another_size_and_a_prediction(photos, hosts, tiny_llama, tmp_path):
    """Positions are resized; the config in the work folder predicts."""
    work_dir = tmp_path / 'vit_s_llama_folder'
    cfg = toy(CONFIGS / 'finetune/vit_s_llama_folder.py', photos, hosts,
              tiny_llama, work_dir)
    cfg.img_size = 48
    # Runs of one name in one second share a log.
    cfg.experiment_name = 'resized'
    cfg.default_hooks.checkpoint.update(interval=1)
    runner = build_runner(cfg)
    runner.register_hook(StopAfterEpoch())
    runner.train()
    assert runner.model.backbone.pos_embed.shape == (1, 37, 24)
    log = ''.join(file.read_text() for file in tmp_path.rglob('*.log'))
    assert 'Resized: pos_embed from 4x4 to 6x6.' in log
    predict = ImageClassificationInferencer(
        str(work_dir / 'vit_s_llama_folder.py'), device='cpu',
        pretrained=str(work_dir / 'epoch_1.pth'))
    found, = predict(str(photos / 'val/cat/0.jpg'))
    assert found['pred_class'] in ('cat', 'dog')
    torch.testing.assert_close(found['pred_scores'].sum(), np.float32(1))


def test_other_folders_in_validation_are_an_error(
        photos, hosts, tiny_llama, tmp_path):
    other = shutil.copytree(photos, tmp_path / 'photos')
    (other / 'val/dog').rename(other / 'val/dogs')
    cfg = toy(CONFIGS / 'finetune/vit_s_llama_folder.py', other, hosts,
              tiny_llama, tmp_path / 'work')
    with pytest.raises(RunError, match='only train has .dog. and only val has'
                       ' .dogs.'):
        build_runner(cfg).train()
