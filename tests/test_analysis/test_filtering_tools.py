"""The tools that score and draw tokens, by their command lines."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from lm4ve_mm import apis
from lm4ve_mm.analysis import filtering_report
from lm4ve_mm.image.datasets import PhotoDigits
from lm4ve_mm.image.datasets.masks import MaskPipeline

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/vit_tiny_minilm_photo_digits.py'
VIDEO = ROOT / 'configs/videomae_tiny_minilm_moving.py'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = apis.build_model(apis.load_config(CONFIG))
    file = tmp_path_factory.mktemp('model') / 'a.pth'
    torch.save(dict(state_dict=model.state_dict()), file)
    return file


def score(checkpoint, size):
    model = apis.load_model(apis.load_config(CONFIG), str(checkpoint))
    pipeline = [dict(type='mmpretrain.PackInputs')]
    data = PhotoDigits('test', pipeline=pipeline, indices=8)
    return filtering_report.score_model(model, filtering_report.batches_of(
        data, MaskPipeline(pipeline), size))


def test_the_batch_does_not_matter(checkpoint):
    one, all_ = (score(checkpoint, size) for size in (1, 8))
    for row, other in zip(one, all_, strict=True):
        assert row['oracle'] == pytest.approx(other['oracle'], abs=.02)
    rows = {(row['step'], row['measure']): row for row in one}
    assert rows['baseline', 'all_foreground']['oracle'] < .3
    assert {step for step, _ in rows} == {
        'host', 'map_in', 'attn', 'ffn', 'map_out', 'baseline'}
    assert ('attn', 'inverted_attention') in rows


def test_imagenet_s_by_the_command_line(run_tool, checkpoint, tmp_path):
    """Bright squares on black, whose masks are known."""
    root = tmp_path / 'ImageNetS50'
    for name, left in (('n01443537', 0), ('n12998815', 32)):
        image = np.zeros((64, 64, 3), np.uint8)
        image[16:48, left:left + 32] = 255
        ids = np.zeros_like(image)
        ids[16:48, left:left + 32, 2] = 7  # red
        for folder, ending, pixels in (
                ('validation', 'JPEG', image),
                ('validation-segmentation', 'png', ids)):
            (root / folder / name).mkdir(parents=True)
            cv2.imwrite(str(root / folder / name / f'a.{ending}'), pixels)
    (tmp_path / 'child.py').write_text(
        f"_base_ = ['{CONFIG}']\n"
        "test_dataloader = dict(dataset=dict(pipeline=["
        "dict(type='lm4ve_mm.LoadNamedImage'),"
        "dict(type='mmpretrain.PackInputs')]))")
    done = run_tool(
        ROOT / 'tools/analysis_tools/filtering.py', tmp_path / 'child.py',
        checkpoint, '--data', root, '--allow-partial', '--out', tmp_path / 'f')
    assert done.returncode == 0, done.stderr
    held = json.loads((tmp_path / 'f.json').read_text())
    rows = {(row['step'], row['measure']): row for row in held['rows']}
    # The squares themselves: a quarter of the tokens, found by brightness.
    assert rows['baseline', 'all_foreground']['oracle'] == .25
    assert rows['baseline', 'pixels']['oracle'] == 1
    assert held['protocol']['foreground'] == 'every annotated class'
    assert 'compare with the baselines' in done.stdout
    with open(tmp_path / 'f.csv') as file:
        assert len(list(csv.DictReader(file))) == len(held['rows'])
    assert Image.open(tmp_path / 'f.png').size[0] > 500


def test_data_without_masks(run_tool, checkpoint):
    done = run_tool(ROOT / 'tools/analysis_tools/filtering.py', ROOT
                    / 'configs/vit_tiny_minilm_digits.py', 'nothing.pth')
    assert done.returncode == 2 and 'no checkpoint nothing' in done.stderr


def test_images_and_their_thresholds(run_tool, checkpoint, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((64, 64, 3), np.uint8))
    tool = ROOT / 'tools/visualization/show_activations.py'
    out = tmp_path / 'out.png'
    done = run_tool(tool, CONFIG, checkpoint, tmp_path / 'a.png', '--out',
                    out, '--layers', 'host', 'map_out', '--thresholds', '.3',
                    '.7')
    assert done.returncode == 0, done.stderr
    # The image, and two masks of each of two steps.
    width, height = Image.open(out).size
    assert width / height == pytest.approx(5 * 1.6 / 1.9, rel=.05)
    done = run_tool(tool, CONFIG, checkpoint, '--layers', 'norm')
    assert done.returncode == 2
    assert 'no step norm; this model has host, map_in' in done.stderr


@pytest.mark.slow
def test_clips(run_tool, tmp_path):
    pytest.importorskip('mmaction')
    cfg = apis.load_config(VIDEO)
    torch.save(dict(state_dict=apis.build_model(cfg).state_dict()),
               tmp_path / 'a.pth')
    done = run_tool(
        ROOT / 'tools/visualization/show_activations.py', VIDEO,
        tmp_path / 'a.pth', '--out', tmp_path / 'out.png', '--count', '2',
        '--cfg-options', 'test_dataloader.dataset.count=6',
        f'test_dataloader.dataset.data_root={tmp_path}/data')
    assert done.returncode == 0, done.stderr
    width, height = Image.open(tmp_path / 'out.png').size
    assert width > 900 and height > 900  # mosaics below each other
