"""What a video backbone starts from: a file, chance, or a resumed run."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import DictAction
from mmengine.model import BaseModule
from mmengine.registry import DefaultScope

import lm4ve_mm.video  # noqa: F401  (registers the backbone)
from lm4ve_mm import apis
from lm4ve_mm.llm import CheckpointError, CheckpointNotFoundError
from lm4ve_mm.registry import MODELS

from ..test_published.videomae_upstream import (
    DEPTH,
    FRAMES,
    HEADS,
    SIZE,
    WIDTH,
    encoder_shapes,
    filled,
    pretraining,
)

LEAF = Path(__file__).parents[2] / 'configs' / 'videomae_tiny_moving.py'
HOST = dict(img_size=32, patch_size=16, embed_dims=192, depth=2, num_heads=3,
            num_frames=4)


@pytest.mark.parametrize('kind', ['mmaction.VisionTransformer',
                                  'lm4ve_mm.TokenVisionTransformer'])
def test_from_chance_is_the_backbones_default(kind):
    """As ``--cfg-options model.backbone.init_cfg.checkpoint=None`` has it."""
    start = dict(type='lm4ve_mm.StrictPretrained',
                 checkpoint=DictAction._parse_iterable('None'))
    made = []
    for more in (dict(init_cfg=start), dict()):
        torch.manual_seed(0)
        made.append(MODELS.build(dict(HOST, type=kind, **more)))
        made[-1].init_weights()
    found, wanted = (model.state_dict() for model in made)
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor), name
    for name, module in made[0].named_modules():
        if isinstance(module, torch.nn.Linear):
            # Of 37,000 and more draws; torch's own start has 0.042 here.
            assert module.weight.std().item() == pytest.approx(
                .02, rel=.02), name
            assert module.bias is None or not module.bias.any(), name


def test_from_chance_leaves_torchs_start_to_others():
    """To a host whose class initialises nothing."""
    model = BaseModule(dict(
        type='lm4ve_mm.StrictPretrained', checkpoint=None))
    model.stem = torch.nn.Linear(24, 24)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    model.init_weights()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def config(folder):
    """Two epochs of three steps, from ``start.pth``."""
    cfg = apis.load_config(LEAF)
    cfg.model.backbone.update(
        img_size=SIZE, embed_dims=WIDTH, depth=DEPTH, num_heads=HEADS,
        num_frames=FRAMES, init_cfg=dict(
            type='lm4ve_mm.StrictPretrained',
            checkpoint=str(folder / 'start.pth')))
    cfg.model.cls_head.in_channels = WIDTH
    for stage in ('train', 'val', 'test'):
        loader = cfg[f'{stage}_dataloader']
        loader.batch_size = 2
        loader.dataset.update(data_root=str(folder / 'data'), count=6)
        loader.dataset.pipeline[1].clip_len = FRAMES
        loader.dataset.pipeline[3].scale = (SIZE, SIZE)
    cfg.param_scheduler.max_epochs = cfg.train_cfg.max_epochs = 2
    cfg.dump(folder / 'config.py')
    return str(folder / 'config.py')


def runner(parser, configure, folder, work_dir, *words):
    """What the tool of that parser runs."""
    args = parser.parse_args([
        str(folder / 'config.py'), *words, '--work-dir', str(work_dir),
        '--cfg-options', f'experiment_name={work_dir}'])
    return apis.build_or_exit(configure(apis.load_config(args.config), args))


def train(folder, name, *words):
    work_dir = folder / name
    runner(apis.training_parser(), apis.configure_training, folder, work_dir,
           *words).train()
    return weights(work_dir / 'epoch_2.pth')


def weights(path):
    return torch.load(path, weights_only=True)['state_dict']


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run that was not interrupted; its file is gone afterwards."""
    folder = tmp_path_factory.mktemp('starts')
    config(folder)
    torch.save(pretraining(), folder / 'start.pth')
    train(folder, 'whole')
    DefaultScope._instance_dict.clear()
    (folder / 'start.pth').rename(folder / 'kept.pth')
    return folder


def log_of(work_dir):
    return ''.join(path.read_text() for path in work_dir.glob('*/*.log'))


def test_the_run_did_start_from_its_file(whole):
    """And has moved on from there."""
    assert 'start.pth: pretraining file' in log_of(whole / 'whole')
    start = filled(encoder_shapes())['patch_embed.proj.weight']
    trained = weights(whole / 'whole/epoch_1.pth')[
        'backbone.patch_embed.projection.weight']
    # Three steps at a rate of 1e-3 and less.
    assert 0 < (trained - start).abs().max() < 1e-2


@pytest.mark.parametrize('pointed', [True, False])
def test_resuming_needs_no_file(whole, pointed):
    """The same weights in the end, with a value of --resume and without."""
    name = f'resumed_{pointed}'
    (whole / name).mkdir()
    if pointed:
        shutil.copy(whole / 'whole/epoch_1.pth', whole / name)
        (whole / name / 'last_checkpoint').write_text(
            str(whole / name / 'epoch_1.pth'))
        words = ['--resume']
    else:
        words = ['--resume', str(whole / 'whole/epoch_1.pth')]
    found = train(whole, name, *words)
    for key, tensor in weights(whole / 'whole/epoch_2.pth').items():
        assert torch.equal(found[key], tensor), key
    text = log_of(whole / name)
    assert 'init_cfg.checkpoint is not read' in text
    assert 'Epoch(train) [1]' not in text


def test_nothing_to_resume_from_is_a_start(whole, capsys):
    """Which needs the file, or raises as any start does."""
    with pytest.raises(CheckpointNotFoundError, match='there is no file'):
        train(whole, 'nothing', '--resume')
    with pytest.raises(SystemExit) as caught:  # as tools/train.py has it
        apis.train_or_exit(runner(
            apis.training_parser(), apis.configure_training, whole,
            whole / 'tool', '--resume'))
    assert caught.value.code == 2
    assert 'error: init_cfg: there is no file' in capsys.readouterr().err
    shutil.copy(whole / 'kept.pth', whole / 'start.pth')
    try:
        found = train(whole, 'anew', '--resume')
    finally:
        (whole / 'start.pth').unlink()
    for key, tensor in weights(whole / 'whole/epoch_2.pth').items():
        assert torch.equal(found[key], tensor), key


def test_a_checkpoint_without_the_backbone_is_refused(whole):
    """MMEngine would warn, and go on from chance."""
    content = torch.load(whole / 'whole/epoch_1.pth', weights_only=True)
    del content['state_dict']['backbone.blocks.1.attn.qkv.weight']
    torch.save(content, whole / 'other.pth')
    with pytest.raises(CheckpointError,
                       match='lacks 1 tensors .*blocks.1.attn.qkv.weight'):
        train(whole, 'other', '--resume', str(whole / 'other.pth'))


def test_testing_needs_no_file(whole):
    tested = runner(apis.testing_parser(), apis.configure_testing, whole,
                    whole / 'tested', str(whole / 'whole/epoch_2.pth'))
    assert 0 <= tested.test()['acc/top1'] <= 1
    for key, tensor in weights(whole / 'whole/epoch_2.pth').items():
        assert torch.equal(tested.model.state_dict()[key], tensor), key
