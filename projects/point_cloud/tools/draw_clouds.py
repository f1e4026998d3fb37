"""Draw test clouds, coloured by the activation of the model's tokens.

    python projects/point_cloud/tools/draw_clouds.py CONFIG CHECKPOINT \
        --out clouds.png

The activation is the length of the output tokens of the frozen block (of the
backbone in a model without one) around their mean, from dark (0) to bright
(1). The prediction stands beneath, in red with the truth if it is wrong.
"""

from pathlib import Path

from lm4ve_point_cloud.apis import class_names
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from lm4ve_mm import apis
from lm4ve_mm.analysis.activation import token_activation
from lm4ve_mm.analysis.features import look
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS

COLUMNS = 5


def predict(cfg: Config, checkpoint: str, count: int) -> list[drawing.Drawn]:
    """Run ``count`` test clouds through the model.

    A picture is a cloud and the values of its tokens.
    """
    model = apis.load_model(cfg, checkpoint)
    names = class_names(cfg, model.head.num_outputs)
    whole = DATASETS.build(cfg.test_dataloader.dataset)
    items = [whole[index] for index in drawing.pick(whole, count)]
    looked = look(model, pseudo_collate(items))
    values = token_activation(list(looked.steps.values())[-1]).numpy()
    return [
        drawing.Drawn.of((cloud, row), sample, names) for cloud, row, sample
        in zip(looked.pictures, values, looked.samples, strict=True)
    ]


def draw(rows: list[drawing.Drawn], out: Path) -> None:
    """Draw a panel."""
    lines = -(-len(rows) // COLUMNS)
    figure = Figure(figsize=(2.4 * COLUMNS, 2.6 * lines))
    for place, row in enumerate(rows, 1):
        cloud, values = row.picture
        axis = figure.add_subplot(lines, COLUMNS, place,
                                  projection=cloud.projection)
        cloud.overlay(axis, values)
        axis.set_title(row.caption(), y=-.08, color=row.colour, fontsize=10)
    drawing.save(figure, out)


if __name__ == '__main__':
    drawing.draw_or_exit(__doc__, predict, draw, 'clouds.png', count=15)
