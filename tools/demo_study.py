"""A whole study: is the block better, more robust, and does it filter?

    make study           (or: python tools/demo_study.py)

Digits on photographs: the frozen block against the host alone, a random block
and an MLP, three seeds each. Ends in a report, whoever wins, and in a page of
pictures. A study that was stopped goes on when it is started again.
"""

import time
from argparse import ArgumentParser
from pathlib import Path

from mmengine.dataset import pseudo_collate

from lm4ve_mm import apis
from lm4ve_mm.analysis.features import HOST, look
from lm4ve_mm.analysis.filtering import THRESHOLDS, ious, mask_to_tokens
from lm4ve_mm.analysis.pictures import sheet
from lm4ve_mm.apis import demo, drawing
from lm4ve_mm.apis.study import Run, last_checkpoint
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.install import is_installed

CONFIG = Path('configs/vit_tiny_minilm_photo_digits.py')
CORRUPTED, *ATTACKED = (
    Path('configs/robustness') / f'{CONFIG.stem}_{name}.py'
    for name in ('corrupted', 'fgsm', 'pgd'))
CONTROLS = ['host', 'random', 'mlp']
SEEDS = [0, 1, 2]
# What the page shows of each variant: magnitudes of these steps.
STEPS = dict(host=[HOST], block=['map_in', 'attn', 'ffn', 'map_out'],
             random=['map_out'], mlp=['map_out'])


def cells(folder: Path, variant: str, records: list, dataset) -> list[list]:
    """The columns of one variant, a list a picture."""
    run = Run(variant, SEEDS[0], folder / f'{variant}_seed{SEEDS[0]}.py',
              folder / f'{variant}_seed{SEEDS[0]}')
    model = apis.load_model(apis.load_config(run.config),
                            str(last_checkpoint(run.folder)))
    looked = look(model, pseudo_collate(
        [dataset.pipeline(dict(record)) for record in records]))
    maps = looked.maps(STEPS[variant])
    rows = []
    for number, (record, picture) in enumerate(zip(records, looked.pictures)):
        truth, _ = mask_to_tokens(dataset.masks(record).foreground,
                                  picture.grid)
        row = []
        for step in STEPS[variant]:
            values = maps[step, 'magnitude'][number].numpy()
            found = ious(values.reshape(picture.grid), truth)
            best = THRESHOLDS[int(found.argmax())]
            row.append((picture, values, None,
                        f'{variant}: {step}\nIoU {found.max():.2f} at {best}'))
        rows.append([(picture, None, None, f'is {record["gt_label"]}'),
                     (picture, truth.ravel(), .5, 'foreground'), *row]
                    if variant == 'host' else row)
    return rows


def draw_page(folder: Path, count: int = 6) -> Path:
    """Draw what each variant marks, on the same test images."""
    cfg = apis.load_config(CONFIG)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    records = [dataset.get_data_info(k) for k in drawing.pick(dataset, count)]
    columns = [cells(folder, variant, records, dataset) for variant in STEPS]
    drawing.save(sheet([sum(rows, []) for rows in zip(*columns)]),
                 folder / 'page.png')
    return folder / 'page.png'


def main() -> None:
    """Train, test, compare, draw."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/study_demo'))
    parser.add_argument('--jobs', type=int, default=2)
    args = parser.parse_args()
    demo.check_checkout(CONFIG)
    tests = [CORRUPTED, *ATTACKED]
    if not is_installed('imagecorruptions'):
        print('imagecorruptions-imaug is not installed: the study goes '
              "without corruptions. pip install -e '.[robust]' adds them")
        tests = ATTACKED
    start = time.time()
    demo.step('tools/study.py', CONFIG, '--controls', *CONTROLS, '--seeds',
              *SEEDS, '--jobs', args.jobs, '--also-test', *tests,
              '--filtering', '--work-dir', args.work_dir)
    demo.closing((time.time() - start) / 60, args.work_dir / 'report.json',
                 args.work_dir / 'report.png', draw_page(args.work_dir))


if __name__ == '__main__':
    main()
