"""The 3D question answering demo in one go: train, test, draw, ask.

    make demo-vqa3d

Each step is a command of its own, printed before it runs.
"""

from pathlib import Path

import numpy as np
from lm4ve_vqa3d.datasets.scene import aligned, read_alignment

from lm4ve_mm.apis import demo

HERE = Path('projects/vqa_3d')
CONFIG = HERE / 'configs' / 'sqa3d_minilm_rooms.py'
WORK_DIR = Path('work_dirs') / CONFIG.stem
# What the training generates: a room as ScanNet delivers it.
SCENE = Path('data/rooms/scans/scene3000_00/scene3000_00_vh_clean_2.ply')
SITUATION = 'I am standing in the middle of the room facing the window.'


def facing_the_window() -> tuple[list[str], str]:
    """The middle of the room and a heading, in the frame of the mesh."""
    back = np.linalg.inv(read_alignment(
        SCENE.with_name(f'{SCENE.parent.name}.txt')))
    # In the aligned frame the window is at +y.
    ahead = back[:3, :3] @ (0, 1, 0)
    degrees = np.degrees(np.arctan2(ahead[1], ahead[0]))
    return ([f'{value:.2f}' for value in aligned(np.zeros((1, 3)), back)[0]],
            f'{degrees:.0f}')


def main() -> None:
    """Run the demo in the checkout."""
    demo.check_checkout(CONFIG)
    checkpoint, minutes = demo.train(CONFIG, WORK_DIR)
    sheet, asked = WORK_DIR / 'rooms.png', WORK_DIR / 'asked.png'
    demo.step(HERE / 'tools/type_prior.py', CONFIG)
    demo.step(HERE / 'tools/draw_rooms.py', CONFIG, checkpoint, '--out',
              sheet)
    position, heading = facing_the_window()
    demo.step(HERE / 'tools/ask_scene.py', CONFIG, checkpoint, SCENE,
              'What is on my left?', '--position', *position, '--heading',
              heading, '--situation', SITUATION, '--out', asked)
    demo.closing(minutes, sheet, asked, checkpoint)


if __name__ == '__main__':
    main()
