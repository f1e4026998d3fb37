"""What --show-dir of tools/test.py draws of videos."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import MODELS, DefaultScope
from PIL import Image

from lm4ve_mm.apis import load_config
from lm4ve_mm.video.engine.draw_clips_hook import BLACK, RED, caption, strip_of

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/videomae_tiny_moving.py'


def test_strip():
    clip = torch.arange(20, dtype=torch.uint8)[None, :, None, None].expand(
        3, 20, 4, 6)
    strip = strip_of(clip)
    assert strip.shape == (4, 48, 3)
    assert strip[0, ::6, 0].tolist() == [0, 3, 5, 8, 11, 14, 16, 19]
    assert strip_of(clip[:, :2]).shape == (4, 12, 3)


@pytest.mark.parametrize(('truth', 'names', 'lines', 'colour'), [
    (1, ('a', 'b'), ['b 75%'], BLACK),
    (0, ('a', 'b'), ['b 75%', 'is a'], RED),
    (2, ('a', 'b'), ['b 75%', 'is class 2'], RED),
    (None, (), ['class 1 75%'], BLACK)])
def test_caption(truth, names, lines, colour):
    sample = ActionDataSample().set_pred_label(1).set_pred_score(
        torch.tensor([.25, .75, 0]))
    if truth is not None:
        sample.set_gt_label(truth)
    assert caption(sample, names) == (lines, colour)


def test_show_dir(tmp_path, monkeypatch, capsys):
    """Every third of ten videos, of which the last batch has two."""
    cfg = load_config(CONFIG)
    torch.manual_seed(3)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()),
               tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', [
        'test.py', str(CONFIG), 'model.pth', '--show-dir', 'drawn',
        '--interval', '3', '--work-dir', 'work', '--cfg-options',
        'test_dataloader.dataset.count=10',
        'test_dataloader.dataset.data_root=data',
        'test_dataloader.batch_size=4'])
    runpy.run_path(str(ROOT / 'tools/test.py'), run_name='__main__')
    DefaultScope._instance_dict.clear()
    pictures = sorted((tmp_path / 'drawn').iterdir())
    assert [path.name for path in pictures] == [
        f'{number:06d}_0.png' for number in (0, 3, 6, 9)]
    for path in pictures:
        with Image.open(path) as image:
            pixels = np.asarray(image)
        assert pixels.shape[:2] in ((32 + 18, 8 * 32), (32 + 32, 8 * 32))
        # White with letters beneath, colours above.
        assert (pixels[32:] == 255).mean() > .5
        assert (pixels[32:] < 100).any()
