"""The point cloud demo in one go: train, test, draw, and classify one file.

    make demo-points

Each step is a command of its own, printed before it runs.
"""

from pathlib import Path

from lm4ve_mm.apis import demo

HERE = Path('projects/point_cloud')
CONFIG = HERE / 'configs' / 'point_bert_minilm_shapes.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates, in ScanObjectNN's format.
CLOUDS = Path('data/point_shapes/main_split/test_objectdataset.h5')


def main() -> None:
    """Run the demo in the checkout."""
    demo.check_checkout(CONFIG)
    checkpoint, minutes = demo.train(CONFIG, WORK_DIR)
    panel, curves = WORK_DIR / 'clouds.png', WORK_DIR / 'curves.png'
    demo.step('tools/visualization/plot_run.py', WORK_DIR, '--out', curves)
    demo.step(HERE / 'tools/draw_clouds.py', CONFIG, checkpoint, '--out',
              panel)
    demo.step(HERE / 'tools/predict.py', CONFIG, checkpoint, CLOUDS,
              '--index', 3)
    demo.closing(minutes, panel, curves, checkpoint)


if __name__ == '__main__':
    main()
