"""Draws clips with what the model says of them, while it is tested."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from PIL import Image, ImageDraw
from torch import Tensor

from lm4ve_mm.registry import HOOKS

MOST_FRAMES = 8
LINE = 14  # pixels
BLACK, RED = (0, 0, 0), (200, 0, 0)


def strip_of(clip: Tensor) -> np.ndarray:
    """Put frames of a clip beside each other.

    Args:
        clip (Tensor): (C, T, H, W) uint8 RGB.

    Returns:
        np.ndarray: (H, n W, 3) uint8, of at most eight frames, evenly spread.
    """
    frames = clip.permute(1, 2, 3, 0).cpu().numpy()
    count = min(MOST_FRAMES, len(frames))
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    return np.concatenate(list(frames[chosen]), axis=1)


def captioned(strip: np.ndarray, lines: Sequence[str],
              colour: tuple[int, int, int]) -> np.ndarray:
    """Write lines of text beneath a picture (H, W, 3)."""
    height, width = strip.shape[:2]
    below = np.full((LINE * len(lines) + 4, width, 3), 255, np.uint8)
    image = Image.fromarray(np.concatenate([strip, below]))
    ImageDraw.Draw(image).multiline_text(
        (3, height + 1), '\n'.join(lines), fill=colour, spacing=2)
    return np.asarray(image)


def caption(sample, names: Sequence[str]) -> tuple[list[str], tuple]:
    """Say what a model finds, in red with the truth if that is another.

    Args:
        sample (ActionDataSample): With a prediction, and perhaps the truth.
        names (Sequence[str]): Of the classes; those beyond have numbers.

    Returns:
        tuple: Lines of text, and their colour.
    """
    def name(label: int) -> str:
        return names[label] if label < len(names) else f'class {label}'

    guess = int(sample.pred_label)
    lines = [f'{name(guess)} {float(sample.pred_score[guess]):.0%}']
    if 'gt_label' not in sample or int(sample.gt_label) == guess:
        return lines, BLACK
    return [*lines, f'is {name(int(sample.gt_label))}'], RED


@HOOKS.register_module()
class DrawClipsHook(Hook):
    """Draws the first view of every so many videos of a test.

    It is what ``--show`` and ``--show-dir`` of ``tools/test.py`` turn on.
    MMAction2's own hook of this kind draws neither clips of several views nor
    predictions, which have changed their names since.

    The prediction stands beneath, in red with the truth if it is wrong; the
    names are those of the data set's classes. Of several processes, the first
    draws what it is given.

    Args:
        enable (bool): Whether to draw.
        interval (int): Draw a video in so many.
        show (bool): Open a window.
        wait_time (float): Seconds until the window goes on by itself.
        out_dir (str, optional): Folder for the pictures; by default the
            backends of the run's visualizer take them.
    """

    def __init__(self,
                 enable: bool = False,
                 interval: int = 5000,
                 show: bool = False,
                 wait_time: float = 0.,
                 out_dir: str | None = None) -> None:
        self.enable = enable
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir
        self.seen = 0

    def _before_epoch(self, runner, mode: str = 'train') -> None:
        """Count the videos from 0 again."""
        self.seen = 0

    def after_val_iter(self, runner, batch_idx: int, data_batch: dict,
                       outputs: Sequence) -> None:
        """Draw, under the number of the epoch."""
        self._draw(runner, data_batch, outputs, runner.epoch)

    def after_test_iter(self, runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence) -> None:
        """Draw."""
        self._draw(runner, data_batch, outputs, 0)

    def _draw(self, runner, data_batch: dict, outputs: Sequence,
              step: int) -> None:
        first, self.seen = self.seen, self.seen + len(outputs)
        if not self.enable or not is_main_process():
            return
        names = (runner.visualizer.dataset_meta or {}).get('classes', ())
        for place, sample in enumerate(outputs):
            number = first + place
            if number % self.interval == 0:
                strip = strip_of(data_batch['inputs'][place][0])
                self._keep(runner, number, step,
                           captioned(strip, *caption(sample, names)))

    def _keep(self, runner, number: int, step: int,
              picture: np.ndarray) -> None:
        """Save a picture, or hand it to the visualizer; show it."""
        name = f'{number:06d}'
        if self.show:
            runner.visualizer.show(picture, name, self.wait_time)
        if self.out_dir is None:
            runner.visualizer.add_image(name, picture, step)
            return
        folder = Path(self.out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f'{name}_{step}.png')
