"""Draw test videos as strips of frames, with what a trained model says.

    python tools/visualization/show_clips.py CONFIG CHECKPOINT --out clips.png

The frames are those that the model sees, of one clip and one crop; the
prediction is over all clips and crops of the test, red with the truth if it
is wrong.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import List, NamedTuple

import matplotlib
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS, MODELS

matplotlib.use('Agg')
from matplotlib import pyplot as plt  # noqa: E402  (after the backend)


class Strip(NamedTuple):
    """Frames (T, H, W, 3) uint8 RGB, and what they are."""

    frames: np.ndarray
    truth: str
    guess: str
    score: float


def class_names(dataset, count: int) -> List[str]:
    """Take the names of the classes, or their numbers."""
    given = dataset.metainfo.get('classes')
    return list(given) if given else [str(i) for i in range(count)]


def predict(cfg: Config, checkpoint: str, count: int) -> List[Strip]:
    """Run ``count`` test videos through the model, the same every time."""
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    # A runner does this for train.py: normalisation is part of the model.
    if cfg.get('data_preprocessor'):
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    model = MODELS.build(cfg.model).eval()
    load_checkpoint(model, checkpoint, map_location='cpu')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    names = class_names(dataset, model.cls_head.num_classes)
    # At random: lists may be sorted by class, or the classes take turns.
    chosen = np.random.default_rng(0).permutation(len(dataset))[:count]
    strips = []
    for index in sorted(chosen.tolist()):
        item = dataset[index]
        with torch.no_grad():
            sample = model.test_step(pseudo_collate([item]))[0]
        label = int(sample.pred_label)
        strips.append(
            Strip(item['inputs'][0].permute(1, 2, 3, 0).numpy(),
                  names[int(sample.gt_label)], names[label],
                  float(sample.pred_score[label])))
    return strips


def draw(strips: List[Strip], out: Path, most: int = 8) -> None:
    """Draw a strip a line, of at most ``most`` frames, evenly spread."""
    shown = [strip.frames[np.linspace(0, len(strip.frames) - 1, min(
        most, len(strip.frames))).round().astype(int)] for strip in strips]
    columns = max(map(len, shown))
    figure, axes = plt.subplots(
        len(strips), columns + 1, squeeze=False,
        figsize=(1.1 * (columns + 1.3), 1.1 * len(strips)),
        width_ratios=[1.3] + [1.] * columns)
    for line, strip, frames in zip(axes, strips, shown, strict=True):
        for axis in line:
            axis.axis('off')
        for axis, frame in zip(line[1:], frames):
            axis.imshow(frame)
        right = strip.truth == strip.guess
        line[0].text(
            0.95, 0.5,
            f'{strip.guess} {strip.score:.0%}' if right else
            f'{strip.guess},\nis {strip.truth}',
            ha='right', va='center', fontsize=10,
            color='black' if right else 'red')
    figure.tight_layout(pad=0.3)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Draw as the command line says."""
    parser = ArgumentParser(description='Draw videos with predictions')
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--out', type=Path, default=Path('clips.png'))
    parser.add_argument('--count', type=int, default=12)
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
        strips = predict(cfg, args.checkpoint, args.count)
    # Missing or broken data and weights, whose messages are for people.
    except (OSError, ValueError, RuntimeError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    draw(strips, args.out)
    right = sum(strip.truth == strip.guess for strip in strips)
    print(f'wrote {args.out}: {right} of {len(strips)} right')


if __name__ == '__main__':
    main()
