"""The 3D question answering demo in one go: train, test, draw, ask.

    make demo-vqa3d

Each step is a command of its own, printed before it runs.
"""

from pathlib import Path

from lm4ve_mm.apis import demo

HERE = Path('projects/vqa_3d')
CONFIG = HERE / 'configs' / 'sqa3d_minilm_rooms.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates: a room as ScanNet delivers it.
SCENE = Path('data/rooms/scans/scene3000_00/scene3000_00_vh_clean_2.ply')
SITUATION = 'I am standing in the middle of the room facing the window.'


def main() -> None:
    """Run the demo in the checkout."""
    demo.check_checkout(CONFIG)
    checkpoint, minutes = demo.train(CONFIG, WORK_DIR)
    sheet, asked = WORK_DIR / 'rooms.png', WORK_DIR / 'asked.png'
    demo.step(HERE / 'tools/type_prior.py', CONFIG)
    demo.step(HERE / 'tools/draw_rooms.py', CONFIG, checkpoint, '--out',
              sheet)
    demo.step(HERE / 'tools/ask_scene.py', CONFIG, checkpoint, SCENE,
              'What is on my left?', '--position', 0, 0, 0, '--heading', 0,
              '--situation', SITUATION, '--out', asked)
    demo.closing(minutes, sheet, asked, checkpoint)


if __name__ == '__main__':
    main()
