"""The point cloud demo in one go: train, test, draw, and classify one file.

    make demo-points

Each step is a command of its own, printed before it runs.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path('projects/point_cloud')
CONFIG = HERE / 'configs' / 'point_bert_minilm_shapes.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates, in ScanObjectNN's format.
CLOUDS = Path('data/point_shapes/main_split/test_objectdataset.h5')


def step(*words: object) -> None:
    """Show a command, run it, stop the demo if it fails."""
    shown = ['python', *map(str, words)]
    print(f'\n$ {" ".join(shown)}', flush=True)
    subprocess.run([sys.executable, *shown[1:]], check=True)


def main() -> None:
    """Run the demo in the checkout."""
    if not CONFIG.is_file():
        sys.exit(f'there is no {CONFIG} here: run the demo in the checkout')
    start = time.time()
    step('tools/train.py', CONFIG, '--work-dir', WORK_DIR)
    trained = time.time() - start
    checkpoint = WORK_DIR / Path(
        (WORK_DIR / 'last_checkpoint').read_text()).name
    panel, curves = WORK_DIR / 'clouds.png', WORK_DIR / 'curves.png'
    step('tools/test.py', CONFIG, checkpoint, '--work-dir', WORK_DIR)
    step('tools/visualization/plot_run.py', WORK_DIR, '--out', curves)
    step(HERE / 'tools/draw_clouds.py', CONFIG, checkpoint, '--out', panel)
    step(HERE / 'tools/predict.py', CONFIG, checkpoint, CLOUDS, '--index', 3)
    print(f'\nTrained in {trained / 60:.1f} minutes. Look at\n'
          f'  {panel}\n  {curves}\n  {checkpoint}')


if __name__ == '__main__':
    main()
