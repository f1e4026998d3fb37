"""Every leaf of configs/: its form, and two training steps on toy data."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmpretrain import ImageClassificationInferencer
from PIL import Image

from lm4ve_mm.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
# Those of projects and variants are trained by tests of their own.
FOLDERS = [CONFIGS, *sorted(ROOT.glob('projects/*/configs'))]
LEAVES = sorted(CONFIGS.glob('*.py'))
EVERY_LEAF = sorted(
    path for at in FOLDERS for pattern in ('*.py', 'variants/*.py')
    for path in at.glob(pattern))
OURS = sorted(path for at in FOLDERS for path in at.rglob('*.py'))

# <host>_<size>[_<language model>[_<variant>]]_<data>
DATA = 'in1k|digits|ssv2|k400|moving|scanobjectnn_[a-z]+' \
    '|modelnet40_[148]k|modelnet_fewshot|shapes'
NAME = re.compile(rf'[a-z0-9]+_[a-z0-9]+(_[a-z0-9]+)*_({DATA})')
SCOPES = ('mmpretrain', 'mmengine', 'mmaction', 'lm4ve_mm')


def name_of(path):
    return str(path.relative_to(ROOT))


every_file = pytest.mark.parametrize('path', OURS, ids=name_of)
every_leaf = pytest.mark.parametrize('path', EVERY_LEAF, ids=name_of)


@pytest.fixture(autouse=True)
def clean_scope():
    """A Runner leaves its default scope behind."""
    yield
    DefaultScope._instance_dict.clear()


def written_types(tree):
    """The strings given as `type` in the dicts of one file."""
    for node in ast.walk(tree):
        pairs = []
        if isinstance(node, ast.Call):
            pairs = [(word.arg, word.value) for word in node.keywords]
        elif isinstance(node, ast.Dict):
            keys = [getattr(key, 'value', None) for key in node.keys]
            pairs = zip(keys, node.values, strict=True)
        for key, value in pairs:
            if key == 'type' and isinstance(value, ast.Constant):
                yield value.value


@every_file
def test_types_carry_their_scope(path):
    """Only ours: what is inherited from a toolbox is written its way."""
    for name in written_types(ast.parse(path.read_text())):
        if hasattr(torch.optim, name):
            continue
        assert name.split('.')[0] in SCOPES, name


@every_file
def test_text_style_only(path):
    tree = ast.parse(path.read_text())
    imports = [
        node for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert not imports


@every_leaf
def test_name_and_docstring(path):
    assert NAME.fullmatch(path.stem)
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text, 'a leaf starts with a docstring'
    # On a line of its own where both do not fit on one.
    assert re.search(rf'tools/\S+\s+{path.relative_to(ROOT)}', text)
    assert re.search(r'\*paper\*|\*measured here\*|no expected number', text)


@every_leaf
def test_parses_and_registers(path, read_config):
    cfg = read_config(path)
    video = path.stem.startswith('videomae')
    assert cfg.default_scope == ('mmaction' if video else 'mmpretrain')
    assert 'lm4ve_mm.plugin' in cfg.custom_imports.imports
    assert cfg.auto_scale_lr.base_batch_size > 0
    # The model's own would silently win over the top-level one.
    assert not (cfg.get('data_preprocessor')
                and 'data_preprocessor' in cfg.model)


@pytest.fixture(scope='module')
def noise_image(tmp_path_factory):
    """A photo's stand-in: a file, and the same pixels as an array."""
    pixels = np.random.default_rng(0).integers(
        0, 256, (60, 80, 3), dtype=np.uint8)
    file = tmp_path_factory.mktemp('photo') / 'photo.png'
    Image.fromarray(pixels[..., ::-1]).save(file)
    return str(file), pixels


@pytest.mark.parametrize('path', [
    path for path in EVERY_LEAF if path.stem.endswith(('in1k', 'digits'))],
    ids=name_of)
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


class StopAfterEpoch(Hook):
    """Ends the run after some epochs, validation included.

    The length of the run stays that of the recipe, on which its schedule
    may depend.
    """

    def __init__(self, epochs=1):
        self.epochs = epochs

    def after_train_epoch(self, runner):
        if runner.epoch + 1 == self.epochs:
            runner.train_loop.stop_training = True


def smaller(value):
    """A video recipe at 32 pixels instead of 224."""
    if isinstance(value, dict):
        return {key: smaller(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(smaller(item) for item in value)
    return 32 if value == 224 else value


def toy(cfg, work_dir, imagenet, llama, videos):
    """The recipe on two batches of two toy samples, and a toy LLaMA."""
    if cfg.default_scope == 'mmaction':
        cfg = Config(smaller(cfg.to_dict()))
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.log_level = 'ERROR'
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
    if (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint'):
        # A leaf that starts from a trained host: give it an untrained one.
        work_dir.mkdir(exist_ok=True)
        host = MODELS.build({**cfg.model.backbone, 'init_cfg': None})
        cfg.model.backbone.init_cfg.checkpoint = str(work_dir / 'host.pth')
        torch.save({f'backbone.{name}': tensor
                    for name, tensor in host.state_dict().items()},
                   work_dir / 'host.pth')
    return cfg


def slow_if_large(path):
    large = path.stem.startswith(('vit_b', 'videomae_b'))
    marks = [pytest.mark.slow] if large else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize('path', [slow_if_large(leaf) for leaf in LEAVES])
def test_trains_two_steps(path, tmp_path, tiny_imagenet, tiny_llama,
                          tiny_videos):
    cfg = toy(Config.fromfile(path), tmp_path, tiny_imagenet, tiny_llama,
              tiny_videos)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(StopAfterEpoch())
    before = {}
    after_init = runner.load_or_resume

    def note_weights():
        after_init()
        before.update((name, p.detach().clone())
                      for name, p in runner.model.named_parameters())

    runner.load_or_resume = note_weights
    runner.train()
    assert runner.iter == 2
    metric = 'acc' if cfg.default_scope == 'mmaction' else 'accuracy'
    top1 = runner.message_hub.get_scalar(f'val/{metric}/top1')
    assert top1.current() >= 0
    for name, parameter in runner.model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        moved = not torch.equal(parameter, before[name])
        assert moved == parameter.requires_grad, name


def test_llama_twin_resumes_exactly(tmp_path, tiny_imagenet, tiny_llama,
                                    tiny_videos):
    """Its whole recipe, from one epoch's checkpoint to the next."""
    files = {}
    for name, runs in (('whole', [2]), ('resumed', [1, 2])):
        for number, epochs in enumerate(runs):
            cfg = toy(
                Config.fromfile(CONFIGS / 'vit_t_llama_in1k.py'),
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
