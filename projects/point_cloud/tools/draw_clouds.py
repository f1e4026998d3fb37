"""Draw test clouds, coloured by the activation of the model's tokens.

    python projects/point_cloud/tools/draw_clouds.py CONFIG CHECKPOINT \
        --out clouds.png

The activation is the length of the output tokens of the frozen block (of the
backbone in a model without one) around their mean, from dark (0) to bright
(1). The prediction stands beneath, in red with the truth if it is wrong.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import List, NamedTuple

import matplotlib
import numpy as np
from lm4ve_point_cloud.activation import point_activation
from lm4ve_point_cloud.apis import class_names, load_model
from mmengine.config import Config

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS

matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402  (after the backend)

COLUMNS = 5


class Row(NamedTuple):
    """One cloud: points (P, 3), activation (P, ), and what it is."""

    points: np.ndarray
    activation: np.ndarray
    truth: str
    guess: str
    score: float


def predict(cfg: Config, checkpoint: str, count: int) -> List[Row]:
    """Run ``count`` test clouds through the model, spread over the set."""
    model = load_model(cfg, checkpoint)
    names = class_names(cfg, model.head.num_outputs)
    whole = DATASETS.build(cfg.test_dataloader.dataset)
    # From evenly spread places, since files may be sorted by class.
    step = max(1, len(whole) // count)
    count = min(count, len(whole))
    items = [whole[i * step + i % step] for i in range(count)]
    data = dict(
        inputs=[item['inputs'] for item in items],
        data_samples=[item['data_samples'] for item in items])
    answer = point_activation(model, data)
    rows = []
    for points, activation, sample in zip(*answer, strict=True):
        label = int(sample.pred_label)
        rows.append(
            Row(points.numpy(), activation.numpy(),
                names[int(sample.gt_label)], names[label],
                float(sample.pred_score[label])))
    return rows


def draw(rows: List[Row], out: Path) -> None:
    """Draw a panel; the vertical axis of the data, y, points up."""
    lines = -(-len(rows) // COLUMNS)
    figure = plt.figure(figsize=(2.4 * COLUMNS, 2.6 * lines))
    for place, row in enumerate(rows, 1):
        axis = figure.add_subplot(lines, COLUMNS, place, projection='3d')
        x, y, z = row.points.T
        axis.scatter(x, -z, y, c=row.activation, s=max(3, 4000 / len(x)),
                     vmin=0, vmax=1, cmap='viridis', linewidths=0,
                     depthshade=False)  # the colour is the message
        axis.set_box_aspect((1, 1, 1), zoom=1.25)
        axis.set_axis_off()
        middle = (row.points.max(0) + row.points.min(0)) / 2
        reach = np.ptp(row.points, axis=0).max() / 2
        axis.set(xlim=(middle[0] - reach, middle[0] + reach),
                 ylim=(-middle[2] - reach, -middle[2] + reach),
                 zlim=(middle[1] - reach, middle[1] + reach))
        right = row.truth == row.guess
        axis.set_title(
            f'{row.guess} {row.score:.0%}' if right else
            f'{row.guess}, is {row.truth}',
            y=-.08, color='black' if right else 'red', fontsize=10)
    figure.tight_layout(pad=.3)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(description='Draw clouds with predictions')
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path('clouds.png'))
    parser.add_argument('--count', type=int, default=15)
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f'--count {args.count} draws nothing')
    for path in (args.config, args.checkpoint):
        if not Path(path).is_file():
            parser.exit(2, f'{parser.prog}: error: no file {path}\n')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    try:
        rows = predict(cfg, args.checkpoint, args.count)
    # Missing or broken data and weights, whose messages are for people.
    except (OSError, ValueError, RuntimeError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    draw(rows, args.out)
    right = sum(row.truth == row.guess for row in rows)
    print(f'wrote {args.out}: {right} of {len(rows)} right')


if __name__ == '__main__':
    main()
