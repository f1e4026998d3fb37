"""What the drawn confusion matrix says."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from lm4ve_mm.apis import settle_images
from lm4ve_mm.utils.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(
        str(ROOT / 'tools/visualization/confusion_matrix.py'))


def test_the_most_confused_pairs_come_first(tool):
    matrix = torch.tensor([[5, 0, 2], [1, 4, 0], [3, 0, 6]])
    assert tool['worst'](matrix, ['cat', 'dog', 'owl']) == [
        "3 of 9 images of 'owl' are taken for 'cat'",
        "2 of 7 images of 'cat' are taken for 'owl'",
        "1 of 5 images of 'dog' are taken for 'cat'"]


@pytest.mark.parametrize('classes', [3, 200])
def test_the_picture_is_written(tool, classes, tmp_path):
    """A class without images is white, not an error."""
    matrix = torch.eye(classes, dtype=torch.int64)
    matrix[1] = 0
    out = tmp_path / 'made/confusion.png'
    tool['draw'](matrix, [f'class {k}' for k in range(classes)], out)
    assert np.asarray(Image.open(out).convert('L')).min() < 100


def test_a_checkpoint_that_is_missing_is_named(run_tool):
    done = run_tool('tools/visualization/confusion_matrix.py',
                    'configs/vit_tiny_digits.py', 'gone.pth')
    assert done.returncode == 2
    assert 'there is no checkpoint gone.pth' in done.stderr


def test_tools_fill_in_what_is_left_to_the_folder():
    """And leave other configs alone."""
    path = ROOT / 'configs/finetune/vit_s_llama_folder.py'
    with pytest.raises(ConfigError, match='where the images are'):
        settle_images(Config.fromfile(path))
    cfg = Config(dict(model=dict(head=dict(num_classes=0))))
    assert settle_images(cfg).model.head.num_classes == 0
