"""Draw test videos as strips of frames, with what a trained model says.

    python tools/visualization/show_clips.py CONFIG CHECKPOINT --out clips.png

The frames are those that the model sees, of one clip and one crop; the
prediction is over all clips and crops of the test, red with the truth if it
is wrong.
"""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS


def frames(item: dict) -> np.ndarray:
    """First clip of a packed item: (T, H, W, 3) uint8 RGB."""
    return item['inputs'][0].permute(1, 2, 3, 0).numpy()


def predict(cfg: Config, checkpoint: str, count: int) -> list[drawing.Drawn]:
    """Run ``count`` test videos through the model."""
    model = apis.load_model(cfg, checkpoint)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return drawing.predict_each(model, dataset, count, frames)


def draw(strips: list[drawing.Drawn], out: Path, most: int = 8) -> None:
    """Draw a strip a line, of at most ``most`` frames, evenly spread."""
    shown = [
        strip.picture[np.linspace(0, len(strip.picture) - 1, min(
            most, len(strip.picture))).round().astype(int)]
        for strip in strips
    ]
    columns = max(map(len, shown))
    figure, axes = plt.subplots(
        len(strips), columns + 1, squeeze=False,
        figsize=(1.1 * (columns + 1.3), 1.1 * len(strips)),
        width_ratios=[1.3] + [1.] * columns)
    for line, strip, pictures in zip(axes, strips, shown, strict=True):
        for axis in line:
            axis.axis('off')
        for axis, picture in zip(line[1:], pictures):
            axis.imshow(picture)
        line[0].text(
            0.95, 0.5, strip.caption('\n'), ha='right', va='center',
            fontsize=10, color=strip.colour)
    drawing.save(figure, out)


if __name__ == '__main__':
    drawing.draw_or_exit(__doc__, predict, draw, 'clips.png', count=12)
