"""Strips of frames and curves, drawn by the tools."""

import importlib.util
import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from PIL import Image

from lm4ve_mm.apis import load_config

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/videomae_tiny_moving.py'


def tool(name):
    """Import a tool, which is a file and no part of a package."""
    spec = importlib.util.spec_from_file_location(
        name, ROOT / f'tools/visualization/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def show_clips(monkeypatch, capsys):
    """A function that runs the tool with some words."""

    def run(*words):
        monkeypatch.setattr(sys, 'argv', ['show_clips.py', *map(str, words)])
        runpy.run_path(str(ROOT / 'tools/visualization/show_clips.py'),
                       run_name='__main__')
        return capsys.readouterr().out

    yield run
    DefaultScope._instance_dict.clear()


@pytest.mark.slow
def test_predictions_are_those_of_the_test_loop(tmp_path, show_clips):
    """Normalisation and all: the same share of right answers."""
    cfg = load_config(CONFIG)
    torch.manual_seed(3)
    model = MODELS.build(cfg.model)
    # An untrained head guesses one class; this one several.
    torch.nn.init.normal_(model.cls_head.fc_cls.weight, std=10)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    out = show_clips(
        CONFIG, tmp_path / 'model.pth', '--out', tmp_path / 'clips.png',
        '--count', 18, '--cfg-options', 'test_dataloader.dataset.count=18',
        f'test_dataloader.dataset.data_root={tmp_path}/data')
    right = int(re.search(r'clips.png: (\d+) of 18 right', out)[1])
    cfg.test_dataloader.dataset.update(count=18, data_root=f'{tmp_path}/data')
    cfg.update(work_dir=str(tmp_path), load_from=str(tmp_path / 'model.pth'))
    assert Runner.from_cfg(cfg).test()['acc/top1'] == pytest.approx(right / 18)
    assert 0 < right < 18
    with Image.open(tmp_path / 'clips.png') as image:
        pixels = np.asarray(image.convert('RGB')).reshape(-1, 3)
    # 18 strips of 8 frames in many colours, and wrong guesses in red.
    assert len(np.unique(pixels // 32, axis=0)) > 60
    assert (pixels == (255, 0, 0)).all(1).sum() > 50


def test_long_names_are_whole(tmp_path):
    """SSv2's classes are sentences: they stay within the picture."""
    drawn = tool('show_clips')
    name = 'Pretending to put something behind something, but it is there'
    picture = np.zeros((2, 32, 32, 3), np.uint8)
    strip = drawn.drawing.Drawn(picture, name, name[::-1], .5, False)
    drawn.draw([strip] * 2, tmp_path / 'clips.png')
    with Image.open(tmp_path / 'clips.png') as image:
        pixels = np.asarray(image.convert('RGB')).astype(int)
    red = (abs(pixels - (255, 0, 0)).sum(-1) < 60).any(0)
    # Letters begin behind a margin.
    assert np.flatnonzero(red)[0] > 2


def test_messages(tmp_path, show_clips, capsys):
    torch.save(dict(state_dict=dict(weight=torch.ones(1))),
               tmp_path / 'other.pth')
    torch.save([torch.ones(1)], tmp_path / 'list.pth')
    for words, message in (
            ((CONFIG, tmp_path / 'gone.pth'), 'no checkpoint .*gone.pth'),
            ((CONFIG, tmp_path / 'list.pth'), 'list.pth holds list, not'),
            ((CONFIG, tmp_path / 'other.pth'), 'unexpected key.*weight'),
            (('gone.py', tmp_path / 'other.pth'), 'no config file gone.py'),
            ((CONFIG, CONFIG, '--count', 0), '--count 0 draws nothing')):
        with pytest.raises(SystemExit) as caught:
            show_clips(*words)
        assert caught.value.code == 2
        assert re.search(message, capsys.readouterr().err)


def test_curves_of_mmaction2_are_in_percent(tmp_path):
    """MMAction2 logs shares, MMPretrain percent."""
    folder = tmp_path / 'run/1/vis_data'
    folder.mkdir(parents=True)
    entries = [dict(loss=2., step=1), {'acc/top1': .25, 'step': 1},
               {'accuracy/top5': 50., 'step': 1}, dict(lr=.1, step=1)]
    (folder / 'scalars.json').write_text(
        '\n'.join(json.dumps(entry) for entry in entries))
    assert tool('plot_run').read_curves(tmp_path / 'run') == {
        'loss': {1: 2.}, 'acc/top1': {1: 25.}, 'accuracy/top5': {1: 50.}}
