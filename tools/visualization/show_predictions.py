"""Draw test images with what a trained classifier says of them.

    python tools/visualization/show_predictions.py CONFIG CHECKPOINT \
        --out predictions.png

A prediction is red, with the truth, if it is wrong.
"""

from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS

# Pictures from this width on, such as ImageNet's, get more room, in which
# their long class names fit.
LARGE = 64


def pixels(item: dict) -> np.ndarray:
    """The image of a packed item, (H, W, 3) uint8 RGB, for drawing."""
    return item['inputs'].permute(1, 2, 0).numpy()


def predict(cfg: Config, checkpoint: str, count: int) -> list[drawing.Drawn]:
    """Run ``count`` test images through the model."""
    model = apis.load_model(cfg, checkpoint)
    if getattr(model.data_preprocessor, 'to_rgb', False):
        def picture(item: dict) -> np.ndarray:
            return pixels(item)[..., ::-1]  # read as BGR
    else:
        picture = pixels
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return drawing.predict_each(model, dataset, count, picture)


def one_name_each(row: drawing.Drawn) -> drawing.Drawn:
    """Keep the first of the synonyms that ImageNet's classes are named by."""
    return row._replace(truth=row.truth.partition(',')[0],
                        guess=row.guess.partition(',')[0])


def draw(rows: list[drawing.Drawn], out: Path) -> None:
    """Draw a grid, each caption wrapped to the width of its picture."""
    large = max(row.picture.shape[1] for row in rows) >= LARGE
    columns, inches, letters = (5, 2.2, 27) if large else (10, 1.1, 13)
    captions = [fill(one_name_each(row).caption(), letters) for row in rows]
    most = max(caption.count('\n') + 1 for caption in captions)
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(
        inches * columns, (inches + 0.1 + 0.15 * most) * lines))
    axes = figure.subplots(lines, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis('off')
    for axis, row, caption in zip(axes.flat, rows, captions):
        axis.imshow(row.picture)
        axis.set_title(caption, color=row.colour, fontsize=8)
    drawing.save(figure, out)


if __name__ == '__main__':
    drawing.draw_or_exit(__doc__, predict, draw, 'predictions.png', count=60)
