"""Turn the scenes that a config trains and tests on into arrays, once.

    python projects/motion_forecasting/tools/build_motion_cache.py CONFIG \
        --cache data/motion_cache --workers 8

Training does so too, if the data sets of the config have a ``cache``; this
tool does it beforehand. What a killed build has written is kept. Train with
``--cfg-options train_dataloader.dataset.cache=data/motion_cache
val_dataloader.dataset.cache=data/motion_cache``.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

import lm4ve_motion  # noqa: F401  (registers the data sets)

from lm4ve_mm import apis
from lm4ve_mm.registry import DATASETS


def main() -> None:
    """Build as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--cache', default='data/motion_cache')
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--stages', nargs='+', default=['train', 'val'],
                        choices=['train', 'val', 'test'])
    apis.add_config_options(parser)
    args = parser.parse_args()
    try:
        cfg = apis.load_config(args.config)
        cfg.merge_from_dict(args.cfg_options)
        for stage in args.stages:
            dataset = DATASETS.build(dict(
                cfg[f'{stage}_dataloader'].dataset, cache=args.cache,
                cache_workers=args.workers))
            print(f'{stage}: {len(dataset)} scenes in {dataset.folder}')
    except (OSError, ValueError) as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')


if __name__ == '__main__':
    main()
