"""Draw test images with what a trained classifier says of them.

    python tools/visualization/show_predictions.py CONFIG CHECKPOINT \
        --out predictions.png

A prediction is red, with the truth, if it is wrong.
"""

from pathlib import Path
from typing import List

import numpy as np
from matplotlib import pyplot as plt
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS

COLUMNS = 10


def pixels(item: dict) -> np.ndarray:
    """The image of a packed item, (H, W, 3) uint8 RGB, for drawing."""
    return item['inputs'].permute(1, 2, 0).numpy()


def predict(cfg: Config, checkpoint: str, count: int) -> List[drawing.Drawn]:
    """Run ``count`` test images through the model."""
    model = apis.load_model(cfg, checkpoint)
    if getattr(model.data_preprocessor, 'to_rgb', False):
        def picture(item: dict) -> np.ndarray:
            return pixels(item)[..., ::-1]  # read as BGR
    else:
        picture = pixels
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return drawing.predict_each(model, dataset, count, picture)


def draw(rows: List[drawing.Drawn], out: Path) -> None:
    """Draw a grid."""
    lines = -(-len(rows) // COLUMNS)
    figure, axes = plt.subplots(
        lines, COLUMNS, figsize=(1.1 * COLUMNS, 1.35 * lines), squeeze=False)
    for axis in axes.flat:
        axis.axis('off')
    for axis, row in zip(axes.flat, rows):
        axis.imshow(row.picture)
        axis.set_title(row.caption(), color=row.colour, fontsize=8)
    drawing.save(figure, out)


if __name__ == '__main__':
    drawing.draw_or_exit(__doc__, predict, draw, 'predictions.png', count=60)
