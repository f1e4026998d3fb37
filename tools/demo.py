"""A whole run in one go: train, test and draw.

    make demo           (or: python tools/demo.py)
    make demo-video     (or: python tools/demo.py moving)

Each step is a command of its own, printed before it runs.
"""

import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import NamedTuple


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


def step(*words: object) -> None:
    """Show a command, run it, stop the demo if it fails."""
    shown = ['python', *map(str, words)]
    print(f'\n$ {" ".join(shown)}', flush=True)
    subprocess.run([sys.executable, *shown[1:]], check=True)


def main() -> None:
    """Run a demo in the checkout."""
    parser = ArgumentParser(description='Train, test and draw in one go')
    parser.add_argument('demo', nargs='?', choices=DEMOS, default='digits')
    config, drawing = DEMOS[parser.parse_args().demo]
    if not config.is_file():
        sys.exit(f'there is no {config} here: run the demo in the checkout')
    work_dir = Path('work_dirs') / config.stem
    start = time.time()
    step('tools/train.py', config, '--work-dir', work_dir)
    trained = time.time() - start
    checkpoint = work_dir / Path(
        (work_dir / 'last_checkpoint').read_text()).name
    step('tools/test.py', config, checkpoint, '--work-dir', work_dir)
    curves = work_dir / 'curves.png'
    predictions = work_dir / 'predictions.png'
    step('tools/visualization/plot_run.py', work_dir, '--out', curves)
    step(drawing, config, checkpoint, '--out', predictions)
    print(f'\nTrained in {trained / 60:.1f} minutes. Look at\n'
          f'  {curves}\n  {predictions}\n  {checkpoint}')


if __name__ == '__main__':
    main()
