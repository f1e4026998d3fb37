"""Does a model mark the foreground? Scores its tokens against masks.

    python tools/analysis_tools/filtering.py CONFIG CHECKPOINT \
        --data data/ImageNetS50 --out filtering

Appendix A of arXiv 2310.12973: of every part of the layer, how well the
magnitude, the frequency and the attention of tokens find the foreground,
beside scores of no model. Writes filtering.json, .csv and .png.
"""

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from mmengine.config import ConfigDict
from mmengine.device import get_device

from lm4ve_mm import apis
from lm4ve_mm.analysis import filtering_report as report
from lm4ve_mm.image.datasets.masks import MaskPipeline
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError
from lm4ve_mm.utils.files import replacing


def parse() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument(
        '--data', metavar='FOLDER',
        help='ImageNet-S-50; default: the test data of the config, if they '
        'have masks')
    parser.add_argument(
        '--allow-partial', action='store_true',
        help='with --data: accept fewer than its 752 images')
    parser.add_argument('--out', type=Path, default=Path('filtering'),
                        help='name of the files, without an ending')
    parser.add_argument('--batch-size', type=int, default=16)
    apis.add_config_options(parser)
    args = parser.parse_args()
    if args.batch_size < 1:
        parser.error(f'--batch-size {args.batch_size} reads nothing')
    return args


def data_of(test: ConfigDict, args: Namespace) -> ConfigDict:
    """The config of the data set with masks."""
    if args.data is None:
        return test
    return ConfigDict(type='lm4ve_mm.ImageNetS50', data_root=args.data,
                      allow_partial=args.allow_partial,
                      pipeline=test.pipeline)


@apis.explained()
def main() -> None:
    """Score as the command line says."""
    args = parse()
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    model = apis.load_model(cfg, args.checkpoint).to(get_device())
    data = data_of(cfg.test_dataloader.dataset, args)
    masks_of = MaskPipeline(data.pipeline)
    dataset = DATASETS.build(data)
    if not hasattr(dataset, 'masks'):
        raise ConfigError(
            f'the test data of {args.config}, {data.type}, have no masks: '
            'name a folder with ImageNet-S-50, --data FOLDER')
    rows = report.score_model(
        model, report.batches_of(dataset, masks_of, args.batch_size))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    files = [args.out.with_name(f'{args.out.name}.{ending}')
             for ending in ('json', 'csv', 'png')]
    about = dict(config=Path(args.config).stem,
                 checkpoint=Path(args.checkpoint).name, dataset=data.type,
                 protocol=report.PROTOCOL, rows=rows)
    with replacing(files[0]) as temporary:
        Path(temporary).write_text(json.dumps(about, indent=1))
    report.write_csv(rows, files[1])
    report.draw(rows, files[2])
    print(f'{report.table(rows)}\n\n' + '\n'.join(
        f'  {file}' for file in files))


if __name__ == '__main__':
    main()
