"""The page of explore.py: what it answers, and what a browser shows."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lm4ve_mm import apis
from lm4ve_mm.apis.explorer import Shown, build_page, explore
from lm4ve_mm.testing.processes import free_port
from lm4ve_mm.utils.install import is_installed

CONFIGS = Path(__file__).parents[2] / 'configs'
BROWSER = shutil.which('chromium')


def shown(name):
    torch.manual_seed(0)
    cfg = apis.load_config(CONFIGS / f'{name}.py')
    return Shown(name, cfg, apis.build_model(cfg))


@pytest.fixture(scope='module')
def models():
    """The host and the host with the block."""
    return [shown('vit_tiny_digits'), shown('vit_tiny_minilm_digits')]


@pytest.fixture(scope='module')
def image():
    """A red half and a blue half, twice as wide as high."""
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40, 0] = pixels[:, 40:, 2] = 255
    return pixels


def test_two_models_side_by_side(models, image):
    said, maps = explore(models, image, 'magnitude', 0)
    one, two = said.split('\n\n')
    assert re.fullmatch(r'vit_tiny_digits: (\d \d+%(, )?){3}', one)
    assert two.startswith('vit_tiny_minilm_digits: ')
    assert maps.dtype == np.uint8 and maps.shape[2] == 3
    alone = explore(models[:1], image, 'magnitude', 0)[1]
    assert len(maps) > 1.5 * len(alone)
    assert (explore(models, image, 'magnitude', .5)[1] != maps).any()


def test_the_image_is_read_as_a_file_is(models, image, tmp_path):
    """Pixels (RGB) and the file that holds them give the same input."""
    cfg = apis.load_config(CONFIGS / 'vit_tiny_minilm_photo_digits.py')
    cfg.test_dataloader.dataset.pipeline.insert(
        0, dict(type='mmpretrain.Resize', scale=16))
    Image.fromarray(image).save(tmp_path / 'a.png')
    from_file = apis.read_image(cfg, tmp_path / 'a.png')['inputs']
    pixels = apis.read_image(cfg, image)['inputs']
    assert torch.equal(from_file, pixels)
    assert pixels[2, 0, 0] == 255  # BGR: red is last
    with pytest.raises(FileNotFoundError, match='no image .*nothing.png'):
        apis.read_image(cfg, 'nothing.png')


@pytest.mark.skipif(not is_installed('gradio'),
                    reason='needs gradio, the extra [app]')
@pytest.mark.skipif(BROWSER is None, reason='needs the browser chromium')
@pytest.mark.slow
def test_in_a_browser(models, image, tmp_path):
    """Loaded by a real one: predictions and maps arrive."""
    page = build_page(models, image)
    port = free_port()
    page.launch(server_name='127.0.0.1', server_port=port, share=False,
                prevent_thread_lock=True, quiet=True)
    try:
        words = [BROWSER, '--headless', '--no-sandbox', '--disable-gpu',
                 '--window-size=1200,900', '--virtual-time-budget=60000',
                 f'--user-data-dir={tmp_path}/profile']
        address = f'http://127.0.0.1:{port}'
        subprocess.run(
            [*words, f'--screenshot={tmp_path}/page.png', address],
            check=True, capture_output=True, timeout=300)
        done = subprocess.run([*words, '--dump-dom', address], check=True,
                              capture_output=True, text=True, timeout=300)
    finally:
        page.close()
    assert 'Where does it look?' in done.stdout
    for model in models:
        assert f'{model.name}: ' in done.stdout
    assert 'threshold (0: all in colour)' in done.stdout
    colours = np.unique(np.asarray(Image.open(
        tmp_path / 'page.png').convert('RGB')).reshape(-1, 3), axis=0)
    assert len(colours) > 500  # the maps, not an empty page
