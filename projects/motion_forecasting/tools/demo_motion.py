"""The motion demo in one go: train, test, draw, and forecast one file.

    make demo-motion

Each step is a command of its own, printed before it runs.
"""

from pathlib import Path

from lm4ve_mm.apis import demo

HERE = Path('projects/motion_forecasting')
CONFIG = HERE / 'configs' / 'vectornet_minilm_town.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates, in Argoverse 1's files.
MAPS = Path('data/town/map_files')
SCENE = Path('data/town/val/data/1000001.csv')


def main() -> None:
    """Run the demo in the checkout."""
    demo.check_checkout(CONFIG)
    checkpoint, minutes = demo.train(CONFIG, WORK_DIR)
    sheet = WORK_DIR / 'scenes.png'
    demo.step(HERE / 'tools/constant_velocity.py', CONFIG)
    demo.step(HERE / 'tools/draw_scenes.py', CONFIG, checkpoint, '--out',
              sheet)
    demo.step(HERE / 'tools/predict.py', CONFIG, checkpoint, SCENE,
              '--map-root', MAPS, '--out', WORK_DIR)
    demo.closing(minutes, sheet, checkpoint)


if __name__ == '__main__':
    main()
