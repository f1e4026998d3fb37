"""The demo of questions in one go: train, test, draw, and ask one.

    make demo-vqa

Each step is a command of its own, printed before it runs.
"""

import os
from pathlib import Path

from lm4ve_mm.apis import demo

HERE = Path('projects/vqa')
CONFIG = HERE / 'configs' / 'meter_tiny_minilm_digits_vqa.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates, in VQAv2's files: the first test picture.
PICTURE = Path('data/digits_vqa/val2014/COCO_val2014_000000003001.jpg')


def main() -> None:
    """Run the demo in the checkout."""
    demo.check_checkout(CONFIG)
    # A second thread makes no step faster, and a worker loads beside it.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    checkpoint, minutes = demo.train(CONFIG, WORK_DIR)
    sheet = WORK_DIR / 'answers.png'
    demo.step(HERE / 'tools/blind_accuracy.py', CONFIG)
    demo.step(HERE / 'tools/draw_answers.py', CONFIG, checkpoint, '--out',
              sheet)
    demo.step(HERE / 'tools/ask.py', CONFIG, checkpoint, PICTURE,
              'What color is the digit at the top left?')
    demo.closing(minutes, sheet, PICTURE, checkpoint)


if __name__ == '__main__':
    main()
