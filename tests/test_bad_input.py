"""Mistakes in what a run is given, and what its user reads then."""

import itertools
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from lm4ve_mm import apis

ROOT = Path(__file__).parents[1]
numbers = itertools.count()


@pytest.mark.parametrize(('kind', 'num_workers'), [
    ('noise', 0), ('cut off', 1), ('empty', 0), ('absent', 1)])
def test_an_unreadable_image_is_named(kind, tiny_imagenet, tmp_path,
                                      num_workers):
    """And the run ends, rather than to go on without the image."""
    image = tmp_path / 'train' / 'n0' / 'broken.JPEG'
    image.parent.mkdir(parents=True)
    (tmp_path / 'meta').mkdir()
    (tmp_path / 'meta' / 'train.txt').write_text('n0/broken.JPEG 3\n' * 2)
    whole = (tiny_imagenet / 'train' / '0.JPEG').read_bytes()
    if kind != 'absent':
        content = {'noise': b'no image' * 9, 'cut off': whole[:300],
                   'empty': b''}
        image.write_bytes(content[kind])
    cfg = Config.fromfile(ROOT / 'configs' / 'vit_t_in1k.py')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = f'bad_input_{next(numbers)}'
    cfg.log_level = 'ERROR'
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.train_dataloader.update(
        batch_size=2, num_workers=num_workers, pin_memory=False)
    cfg.train_dataloader.dataset.data_root = str(tmp_path)
    with pytest.raises((AssertionError, OSError)) as failed:
        Runner.from_cfg(cfg).train()
    assert str(image) in str(failed.value)


@pytest.fixture
def complaint(tmp_path, monkeypatch, capsys):
    """What tools/train.py says last of a config, with exit status 2."""
    def call(text, *options):
        (tmp_path / 'own.py').write_text(text)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, 'argv', [
            'train.py', 'own.py', '--work-dir', 'work', '--cfg-options',
            f'experiment_name=complaint_{next(numbers)}', *options])
        with pytest.raises(SystemExit) as ended:
            cfg, _ = apis.parse_or_exit(
                apis.training_parser(), apis.configure_training)
            apis.train_or_exit(apis.build_or_exit(cfg))
        assert ended.value.code == 2
        message, = capsys.readouterr().err.splitlines()[-1:]
        assert message.startswith('train.py: error: ')
        return message

    return call


IN1K = f"_base_ = [{str(ROOT / 'configs/vit_t_in1k.py')!r}]\n"


def test_absent_and_flat_image_folders_are_explained(complaint, tmp_path):
    message = complaint(IN1K)
    assert 'data/imagenet/train' in message
    assert 'train_dataloader.dataset.data_root=PATH' in message
    for folder in ('train/a', 'val'):
        (tmp_path / 'data/imagenet' / folder).mkdir(parents=True)
        Image.new('RGB', (4, 4)).save(
            tmp_path / 'data/imagenet' / folder / '1.JPEG')
    assert 'number of subfolders (1)' in complaint(IN1K)
    message = complaint(
        IN1K + 'train_dataloader = dict(dataset=dict(_delete_=True, '
        "type='mmpretrain.CustomDataset', data_root='data/imagenet/train', "
        'pipeline=[]))')
    assert 'number of subfolders (0)' in message


@pytest.mark.parametrize(('text', 'words'), [
    ("_base_ = ['./nowhere.py']", 'nowhere.py'),
    ("_base_ = ['lm4ve_mm::nowhere.py']", 'nowhere.py'),
    ("_base_ = ['mmnowhere::a/b.py']", 'mmnowhere'),
    ("_base_ = ['mmdet::nowhere/b.py']", 'mmdet'),
    ('model = dict(', 'never closed'),
    ("custom_imports = dict(imports=['no_such_module'])",
     "No module named 'no_such_module'"),
])
def test_configs_that_cannot_be_read(complaint, text, words):
    assert words in complaint(text)


def test_a_schedule_longer_than_the_run(complaint, tmp_path):
    """The video recipe warms up for five epochs."""
    text = (f"_base_ = [{str(ROOT / 'configs/vit_tiny_digits.py')!r}]\n"
            "param_scheduler = dict(_delete_=True, "
            "type='lm4ve_mm.StepWarmupCosineLR', warmup=5, min_ratio=0.001, "
            "convert_to_iter_based=True)")
    message = complaint(text, 'train_cfg.max_epochs=1')
    assert 'warm' in message


def test_a_missing_language_model_is_explained(run_tool, tmp_path,
                                               monkeypatch):
    """Where it was looked for, how to get it, how to name another place."""
    gone = tmp_path / 'llama'
    monkeypatch.chdir(ROOT)
    done = run_tool(
        ROOT / 'tools/train.py', 'configs/vit_s_llama_in1k.py',
        '--work-dir', tmp_path / 'work', '--cfg-options',
        f'model.neck.llm.checkpoint={gone}',
        f'experiment_name=missing_{next(numbers)}')
    assert done.returncode == 2
    # The message is the last thing on the screen.
    message = done.stderr.rpartition('No language-model checkpoint at')[2]
    assert message.startswith(f" '{gone}'")
    assert f'--local-dir {gone}' in message
    assert 'model.neck.llm.checkpoint=PATH' in message
    assert 'File "' not in message
    assert not list(tmp_path.rglob('*.pth'))
