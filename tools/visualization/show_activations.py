"""Draw which tokens answer strongly: images, clips or clouds.

    python tools/visualization/show_activations.py CONFIG CHECKPOINT \
        [IMAGES ...] --out activations.png

A row a sample, a column a part of the layer: what enters it (host), the map
in, attention, feed-forward, the map out. Without IMAGES, samples of the test
data. With --thresholds the tokens that are not above each are dimmed instead
(points are left out), as figure 5 of arXiv 2310.12973 shows them.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from lm4ve_mm import apis
from lm4ve_mm.analysis.features import ATTENTION, Looked, look
from lm4ve_mm.analysis.filtering import MEASURES
from lm4ve_mm.analysis.pictures import sheet
from lm4ve_mm.apis import drawing
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError


def parse() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('images', nargs='*', help='image files')
    parser.add_argument('--out', type=Path, default=Path('activations.png'))
    parser.add_argument('--count', type=int, default=6,
                        help='samples, where no images are given')
    parser.add_argument('--layers', nargs='+', metavar='STEP',
                        help='default: all of the layer')
    parser.add_argument('--measure', choices=[*MEASURES, ATTENTION],
                        default='magnitude')
    parser.add_argument('--thresholds', nargs='+', type=float, default=[],
                        help='for example 0.3 0.7')
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.count < 1:
        parser.error(f'--count {args.count} draws nothing')
    return args


def items_of(cfg: Config, args: Namespace) -> list[dict]:
    """The samples that are drawn, as a data set gives them."""
    data = cfg.test_dataloader.dataset
    if not args.images:
        whole = DATASETS.build(data)
        return [whole[index] for index in drawing.pick(whole, args.count)]
    return [apis.read_image(cfg, file) for file in args.images]


def row(looked: Looked, args: Namespace) -> list[tuple]:
    """The cells of one sample."""
    maps = {step: values for (step, measure), values
            in looked.maps(args.layers).items() if measure == args.measure}
    if not maps:
        raise ConfigError(f'--measure {args.measure}: none of the steps that '
                          'are drawn has it')
    picture, sample = looked.pictures[0], looked.samples[0]
    label = sample.get('pred_label')
    said = '' if label is None else f'class {int(label)}'
    cells = [(picture, None, None, said)]
    for step, values in maps.items():
        for threshold in args.thresholds or [None]:
            above = '' if threshold is None else f' > {threshold}'
            cells.append((picture, values[0].cpu().numpy(), threshold,
                          f'{step}{above}'))
    return cells


def draw(model: nn.Module, items: list[dict], args: Namespace) -> None:
    """Draw the sheet; clips, which are wide, below each other."""
    rows = [row(look(model, pseudo_collate([item])), args) for item in items]
    if rows[0][0][0].aspect > 2:
        rows = [[cell] for cells in rows for cell in cells]
    drawing.save(sheet(rows), args.out)


@apis.explained()
def main() -> None:
    """Draw as the command line says."""
    args = parse()
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    model = apis.load_model(cfg, args.checkpoint)
    items = items_of(cfg, args)
    draw(model, items, args)
    print(f'wrote {args.out}: {args.measure} of {len(items)} samples')


if __name__ == '__main__':
    main()
