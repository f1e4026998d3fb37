"""Draw test images with what a trained classifier says of them.

    python tools/visualization/show_predictions.py CONFIG CHECKPOINT \
        --out predictions.png
"""

from argparse import ArgumentParser
from pathlib import Path

import matplotlib
import numpy as np
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, load_checkpoint

from lm4ve_mm import apis
from lm4ve_mm.registry import MODELS

matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402  (after the backend)

COLUMNS = 10


def predict(config: str, checkpoint: str, count: int) -> list:
    """Run the first ``count`` test images through the model.

    Returns:
        list: (image (H, W, 3) uint8, true class, predicted class, score).
    """
    cfg = apis.load_config(config)
    init_default_scope(cfg.get('default_scope', 'lm4ve_mm'))
    cfg.test_dataloader.batch_size = count
    # A runner does this for train.py: normalisation is part of the model.
    cfg.model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    model = MODELS.build(cfg.model).eval()
    load_checkpoint(model, checkpoint, map_location='cpu')
    loader = Runner.build_dataloader(cfg.test_dataloader)
    classes = loader.dataset.metainfo['classes']
    batch = next(iter(loader))
    rows = []
    for image, sample in zip(batch['inputs'], model.test_step(batch),
                             strict=True):
        label = int(sample.pred_label)
        pixels = np.ascontiguousarray(image.numpy().transpose(1, 2, 0))
        rows.append((pixels, classes[int(sample.gt_label)], classes[label],
                     float(sample.pred_score[label].detach())))
    return rows


def draw(rows: list, out: Path) -> None:
    """Draw a grid; wrong predictions are red and name the truth."""
    lines = -(-len(rows) // COLUMNS)
    figure, axes = plt.subplots(
        lines, COLUMNS, figsize=(1.1 * COLUMNS, 1.35 * lines), squeeze=False)
    for axis in axes.flat:
        axis.axis('off')
    for axis, (image, truth, guess, score) in zip(axes.flat, rows):
        axis.imshow(image)
        right = truth == guess
        axis.set_title(
            f'{guess} {score:.0%}' if right else f'{guess}, is {truth}',
            color='black' if right else 'red',
            fontsize=8)
    figure.tight_layout(pad=0.3)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(description='Draw images with predictions')
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path('predictions.png'))
    parser.add_argument('--count', type=int, default=60)
    args = parser.parse_args()
    for path in (args.config, args.checkpoint):
        if not Path(path).is_file():
            parser.exit(2, f'{parser.prog}: error: no file {path}\n')
    rows = predict(args.config, args.checkpoint, args.count)
    draw(rows, args.out)
    right = sum(truth == guess for _, truth, guess, _ in rows)
    print(f'wrote {args.out}: {right} of {len(rows)} right')


if __name__ == '__main__':
    main()
