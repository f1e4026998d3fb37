"""The motion demo in one go: train, test, draw, and forecast one file.

    make demo-motion

Each step is a command of its own, printed before it runs.
"""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path('projects/motion_forecasting')
CONFIG = HERE / 'configs' / 'vectornet_minilm_town.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates, in Argoverse 1's files.
MAPS = Path('data/town/map_files')
SCENE = Path('data/town/val/data/1000001.csv')


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
    sheet = WORK_DIR / 'scenes.png'
    step('tools/test.py', CONFIG, checkpoint, '--work-dir', WORK_DIR)
    step(HERE / 'tools/constant_velocity.py', CONFIG)
    step(HERE / 'tools/draw_scenes.py', CONFIG, checkpoint, '--out', sheet)
    step(HERE / 'tools/predict.py', CONFIG, checkpoint, SCENE, '--map-root',
         MAPS, '--out', WORK_DIR)
    print(f'\nTrained in {trained / 60:.1f} minutes. Look at\n'
          f'  {sheet}\n  {checkpoint}')


if __name__ == '__main__':
    main()
