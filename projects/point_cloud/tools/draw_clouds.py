"""Draw test clouds, coloured by the activation of the model's tokens.

    python projects/point_cloud/tools/draw_clouds.py CONFIG CHECKPOINT \
        --out clouds.png

The activation is the length of the output tokens of the frozen block (of the
backbone in a model without one) around their mean, from dark (0) to bright
(1). The prediction stands beneath, in red with the truth if it is wrong.
"""

from pathlib import Path

import numpy as np
from lm4ve_point_cloud.activation import point_activation
from lm4ve_point_cloud.apis import class_names
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from lm4ve_mm import apis
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS

COLUMNS = 5


def predict(cfg: Config, checkpoint: str, count: int) -> list[drawing.Drawn]:
    """Run ``count`` test clouds through the model.

    A picture is points (P, 3) and their activation (P, ).
    """
    model = apis.load_model(cfg, checkpoint)
    names = class_names(cfg, model.head.num_outputs)
    whole = DATASETS.build(cfg.test_dataloader.dataset)
    items = [whole[index] for index in drawing.pick(whole, count)]
    answer = point_activation(model, pseudo_collate(items))
    return [
        drawing.Drawn.of((points.numpy(), activation.numpy()), sample, names)
        for points, activation, sample in zip(*answer, strict=True)
    ]


def draw(rows: list[drawing.Drawn], out: Path) -> None:
    """Draw a panel; the vertical axis of the data, y, points up."""
    lines = -(-len(rows) // COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 2.6 * lines))
    for place, row in enumerate(rows, 1):
        points, activation = row.picture
        axis = figure.add_subplot(lines, COLUMNS, place, projection='3d')
        x, y, z = points.T
        axis.scatter(x, -z, y, c=activation, s=max(3, 4000 / len(x)),
                     vmin=0, vmax=1, cmap='viridis', linewidths=0,
                     depthshade=False)  # the colour is the message
        axis.set_box_aspect((1, 1, 1), zoom=1.25)
        axis.set_axis_off()
        middle = (points.max(0) + points.min(0)) / 2
        reach = np.ptp(points, axis=0).max() / 2
        axis.set(xlim=(middle[0] - reach, middle[0] + reach),
                 ylim=(-middle[2] - reach, -middle[2] + reach),
                 zlim=(middle[1] - reach, middle[1] + reach))
        axis.set_title(row.caption(), y=-.08, color=row.colour, fontsize=10)
    drawing.save(figure, out)


if __name__ == '__main__':
    drawing.draw_or_exit(__doc__, predict, draw, 'clouds.png', count=15)
