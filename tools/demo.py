"""A whole run in one go: train, test and draw.

    make demo           (or: python tools/demo.py)
    make demo-video     (or: python tools/demo.py moving)

Each step is a command of its own, printed before it runs.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import NamedTuple

from lm4ve_mm.apis import demo


class Demo(NamedTuple):
    """A config to train, and the tool that draws its predictions."""

    config: Path
    drawing: str


DEMOS = dict(
    digits=Demo(
        Path('configs/vit_tiny_minilm_digits.py'),
        'tools/visualization/show_predictions.py'),
    moving=Demo(
        Path('configs/videomae_tiny_minilm_moving.py'),
        'tools/visualization/show_clips.py'))


def main() -> None:
    """Run a demo in the checkout."""
    parser = ArgumentParser(description='Train, test and draw in one go')
    parser.add_argument('demo', nargs='?', choices=DEMOS, default='digits')
    config, drawing = DEMOS[parser.parse_args().demo]
    demo.check_checkout(config)
    work_dir = Path('work_dirs') / config.stem
    checkpoint, minutes = demo.train(config, work_dir)
    curves, predictions = work_dir / 'curves.png', work_dir / 'predictions.png'
    demo.step('tools/visualization/plot_run.py', work_dir, '--out', curves)
    demo.step(drawing, config, checkpoint, '--out', predictions)
    demo.closing(minutes, curves, predictions, checkpoint)


if __name__ == '__main__':
    main()
