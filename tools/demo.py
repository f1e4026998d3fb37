"""The main job in one go: train, test and draw the digits demo.

    make demo

Each step is a command of its own, printed before it runs.
"""

import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path('configs/vit_tiny_minilm_digits.py')
WORK_DIR = Path('work_dirs') / CONFIG.stem


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
    step('tools/test.py', CONFIG, checkpoint, '--work-dir', WORK_DIR)
    curves = WORK_DIR / 'curves.png'
    predictions = WORK_DIR / 'predictions.png'
    step('tools/visualization/plot_run.py', WORK_DIR, '--out', curves)
    step('tools/visualization/show_predictions.py', CONFIG, checkpoint,
         '--out', predictions)
    print(f'\nTrained in {trained / 60:.1f} minutes. Look at\n'
          f'  {curves}\n  {predictions}\n  {checkpoint}')


if __name__ == '__main__':
    main()
