"""Every leaf of configs/: its form, and two training steps on toy data."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain import ImageClassificationInferencer
from PIL import Image

from lm4ve_mm.registry import MODELS
from lm4ve_mm.testing import (
    ConfigForm,
    MetafileForm,
    StopAfterEpoch,
    train_an_epoch,
)

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
# Variants are trained by tests of their own.
LEAVES = sorted(CONFIGS.glob('*.py'))


class TestForm(ConfigForm):
    CONFIGS = CONFIGS
    DATA = ('in1k', 'digits', 'photo_digits', 'ssv2', 'k400', 'moving')
    TOOLBOXES = dict(vit='mmpretrain', swin='mmpretrain', videomae='mmaction')


class TestMetafile(MetafileForm):
    CONFIGS = CONFIGS
    LEFT_OUT = dict(vit_tiny_minilm_photo_digits='the model of make study; '
                    'its numbers are those of a study, in docs/evidence.md')


@pytest.fixture(scope='module')
def noise_image(tmp_path_factory):
    """A photo's stand-in: a file, and the same pixels as an array."""
    pixels = np.random.default_rng(0).integers(
        0, 256, (60, 80, 3), dtype=np.uint8)
    file = tmp_path_factory.mktemp('photo') / 'photo.png'
    Image.fromarray(pixels[..., ::-1]).save(file)
    return str(file), pixels


@pytest.mark.parametrize('path', [
    path for pattern in ('*.py', 'variants/vit_s_llama_lora_*.py')
    for path in sorted(CONFIGS.glob(pattern))
    if path.stem.endswith(('in1k', 'digits'))], ids=lambda path: path.stem)
def test_image_leaves_work_inherited_and_in_the_inferencer(
        path, tmp_path, read_config, noise_image):
    """By name, as the README offers: the same config, and it can be used.

    A pipeline is fed as MMPretrain's ImageClassificationInferencer does.
    """
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = ['lm4ve_mm::{path.relative_to(CONFIGS)}']")
    cfg = Config.fromfile(child)
    assert cfg.to_dict() == read_config(path).to_dict()
    init_default_scope(cfg.default_scope)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        Compose(cfg[loader].dataset.pipeline)
    inferencer = SimpleNamespace(
        pipeline=ImageClassificationInferencer._init_pipeline(None, cfg),
        _get_chunk_data=lambda data, size: [list(data)])
    batch, = ImageClassificationInferencer.preprocess(
        inferencer, list(noise_image))
    one, other = batch['inputs']
    assert one.shape[0] == 3 and torch.equal(one, other)


# Pixels of an input; ViT-T with two blocks.
SMALLER = {224: 32, 'deit-tiny': dict(
    embed_dims=192, num_layers=2, num_heads=3, feedforward_channels=768)}


def smaller(value):
    """A recipe at 32 pixels instead of 224, with two blocks instead of 12."""
    if isinstance(value, dict):
        return {key: 2 if (key, item) in (('depth', 12), ('num_layers', 12))
                else smaller(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(smaller(item) for item in value)
    return SMALLER.get(value, value)


def toy(cfg, work_dir, imagenet, llama, videos):
    """The recipe on two batches of two toy samples, and a toy LLaMA."""
    cfg = Config(smaller(cfg.to_dict()))
    if cfg.model.backbone.type.endswith('SwinTransformer'):
        cfg.model.backbone.pad_small_map = True
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.log_level = 'ERROR'
    cfg.train_cfg.val_interval = 1
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1)
    for stage, images in (('train', 4), ('val', 2), ('test', 2)):
        loader = cfg[f'{stage}_dataloader']
        loader.update(batch_size=2, num_workers=0, pin_memory=False)
        loader.persistent_workers = False
        loader.dataset.indices = images
        if loader.dataset.type.endswith('ImageNet'):
            loader.dataset.data_root = str(imagenet)
        elif loader.dataset.type.endswith('VideoClips'):
            loader.dataset.data_root = str(videos)
        elif loader.dataset.type.endswith('MovingShapes'):
            loader.dataset.update(
                data_root=str(videos / 'moving'), count=6)
        if cfg.default_scope == 'mmaction' and stage != 'train':
            loader.batch_size = 1
    llm = (cfg.model.get('neck') or {}).get('llm', {})
    if 'checkpoint' in llm:
        llm.checkpoint = str(llama)
        llm.layers = (-1, )  # the toy has only one
        llm.pop('file_sha256', None)
    if 'hidden_dims' in llm:
        llm.hidden_dims = 64
    if (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint'):
        # A leaf that starts from a trained host: give it an untrained one.
        work_dir.mkdir(exist_ok=True)
        host = MODELS.build({**cfg.model.backbone, 'init_cfg': None})
        cfg.model.backbone.init_cfg.checkpoint = str(work_dir / 'host.pth')
        torch.save({f'backbone.{name}': tensor
                    for name, tensor in host.state_dict().items()},
                   work_dir / 'host.pth')
    return cfg


# Leaves of the tiny size, or without LLaMA, are trained in their place.
SLOW = ('vit_s', 'vit_b', 'videomae_b', 'videomae_s_ssv2',
        'videomae_s_llama_k400')


def slow_if_alike(path):
    marks = [pytest.mark.slow] if path.stem.startswith(SLOW) else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize('path', [slow_if_alike(leaf) for leaf in LEAVES])
def test_trains_two_steps(path, tmp_path, tiny_imagenet, tiny_llama,
                          tiny_videos, read_config):
    cfg = toy(read_config(path), tmp_path, tiny_imagenet, tiny_llama,
              tiny_videos)
    runner, _, moved = train_an_epoch(cfg)
    assert runner.iter == 2
    metric = 'acc' if cfg.default_scope == 'mmaction' else 'accuracy'
    top1 = runner.message_hub.get_scalar(f'val/{metric}/top1')
    assert top1.current() >= 0
    assert moved == {
        name for name, parameter in runner.model.named_parameters()
        if parameter.requires_grad}


def test_llama_twin_resumes_exactly(tmp_path, tiny_imagenet, tiny_llama,
                                    tiny_videos, read_config):
    """Its whole recipe, from one epoch's checkpoint to the next."""
    files = {}
    for name, runs in (('whole', [2]), ('resumed', [1, 2])):
        for number, epochs in enumerate(runs):
            cfg = toy(
                read_config(CONFIGS / 'vit_t_llama_in1k.py'),
                tmp_path / name, tiny_imagenet, tiny_llama, tiny_videos)
            cfg.experiment_name = f'{tmp_path.name}_{name}_{number}'
            cfg.default_hooks.checkpoint.interval = 1
            cfg.resume = number > 0
            runner = Runner.from_cfg(cfg)
            runner.register_hook(StopAfterEpoch(epochs))
            runner.train()
        files[name] = torch.load(
            tmp_path / name / 'epoch_2.pth', weights_only=True)
    for part in ('state_dict', 'ema_state_dict'):
        whole, resumed = files['whole'][part], files['resumed'][part]
        assert whole.keys() == resumed.keys()
        for key, value in whole.items():
            assert torch.equal(value, resumed[key]), key
        # The block is not in the file: only its identity is.
        assert not any('.blocks.' in key for key in whole)
