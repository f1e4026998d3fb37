"""Draw test videos as strips of frames, with what a trained model says.

    python tools/visualization/show_clips.py CONFIG CHECKPOINT --out clips.png

The frames are those that the model sees, of one clip and one crop; the
prediction is over all clips and crops of the test, red with the truth if it
is wrong.
"""

from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib import pyplot as plt
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS

WIDTH = 32  # letters of a line


def frames(item: dict) -> np.ndarray:
    """First clip of a packed item: (T, H, W, 3) uint8 RGB."""
    return item['inputs'][0].permute(1, 2, 3, 0).numpy()


def predict(cfg: Config, checkpoint: str, count: int) -> list[drawing.Drawn]:
    """Run ``count`` test videos through the model."""
    model = apis.load_model(cfg, checkpoint)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return drawing.predict_each(model, dataset, count, frames)


def wrapped(caption: str) -> str:
    """Break long lines, such as the sentences that name SSv2's classes."""
    return '\n'.join(fill(line, WIDTH) for line in caption.split('\n'))


def is_short(caption: str) -> bool:
    """Whether a caption fits beside the frames in large letters."""
    return max(map(len, caption.split('\n'))) < WIDTH // 2


def draw(strips: list[drawing.Drawn], out: Path, most: int = 8) -> None:
    """Draw a strip a line, of at most ``most`` frames, evenly spread."""
    shown = [
        strip.picture[np.linspace(0, len(strip.picture) - 1, min(
            most, len(strip.picture))).round().astype(int)]
        for strip in strips
    ]
    columns = max(map(len, shown))
    captions = [wrapped(strip.caption('\n')) for strip in strips]
    text = 1.3 if all(map(is_short, captions)) else 2.6
    figure, axes = plt.subplots(
        len(strips), columns + 1, squeeze=False,
        figsize=(1.1 * (columns + text), 1.1 * len(strips)),
        width_ratios=[text] + [1.] * columns)
    for line, strip, caption, pictures in zip(
            axes, strips, captions, shown, strict=True):
        for axis in line:
            axis.axis('off')
        for axis, picture in zip(line[1:], pictures):
            axis.imshow(picture)
        line[0].text(
            0.95, 0.5, caption, ha='right', va='center',
            fontsize=10 if is_short(caption) else 8, color=strip.colour)
    drawing.save(figure, out)


if __name__ == '__main__':
    drawing.draw_or_exit(__doc__, predict, draw, 'clips.png', count=12)
