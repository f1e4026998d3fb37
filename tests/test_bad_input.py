"""Mistakes in what a run is given, and what its user reads then."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

ROOT = Path(__file__).parents[1]
numbers = itertools.count()


@pytest.fixture(autouse=True)
def clean_scope():
    """A Runner leaves its default scope behind."""
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(params=['noise', 'cut off', 'empty', 'absent'])
def broken_image(request, tmp_path, tiny_imagenet):
    """A data folder of one image that cannot be read; the image's path."""
    image = tmp_path / 'train' / 'n0' / 'broken.JPEG'
    image.parent.mkdir(parents=True)
    (tmp_path / 'meta').mkdir()
    (tmp_path / 'meta' / 'train.txt').write_text('n0/broken.JPEG 3\n' * 2)
    whole = (tiny_imagenet / 'train' / '0.JPEG').read_bytes()
    if request.param != 'absent':
        content = {'noise': b'no image' * 9, 'cut off': whole[:300],
                   'empty': b''}
        image.write_bytes(content[request.param])
    return image


@pytest.mark.parametrize('num_workers', [0, 1])
def test_an_unreadable_image_is_named(broken_image, tmp_path, num_workers):
    """And the run ends, rather than to go on without the image."""
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
    assert str(broken_image) in str(failed.value)


def test_a_missing_language_model_is_explained(tmp_path):
    """Where it was looked for, how to get it, how to name another place."""
    gone = tmp_path / 'llama'
    done = subprocess.run(
        [sys.executable, 'tools/train.py', 'configs/vit_s_llama_in1k.py',
         '--work-dir', tmp_path / 'work', '--cfg-options',
         f'model.neck.llm.checkpoint={gone}'],
        cwd=ROOT, capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT)))
    assert done.returncode == 2
    # The message is the last thing on the screen.
    message = done.stderr.rpartition('No language-model checkpoint at')[2]
    assert message.startswith(f" '{gone}'")
    assert f'--local-dir {gone}' in message
    assert 'model.neck.llm.checkpoint=PATH' in message
    assert 'File "' not in message
    assert not list(tmp_path.rglob('*.pth'))
