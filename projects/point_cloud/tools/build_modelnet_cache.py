"""Sample ModelNet40's text files to 8192 points, once.

    python projects/point_cloud/tools/build_modelnet_cache.py \
        data/modelnet40_normal_resampled --workers 8

Or take the points of upstream's cache, which is a pickle, instead:

    python projects/point_cloud/tools/build_modelnet_cache.py \
        data/modelnet40_normal_resampled --from-upstream --allow-pickle
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_point_cloud.datasets.modelnet_files import (
    SPLITS,
    build_cache,
    convert_upstream_cache,
)

from lm4ve_mm.utils.explain import explained


@explained()
def main() -> None:
    """Build as the command line says."""
    parser = ArgumentParser(description='Build the cache of ModelNet40')
    parser.add_argument('root', type=Path)
    parser.add_argument('--split', choices=sorted(SPLITS), nargs='+',
                        default=sorted(SPLITS))
    parser.add_argument('--num-points', type=int, default=8192)
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument(
        '--from-upstream', action='store_true',
        help='convert modelnet40_{split}_8192pts_fps.dat of the folder')
    parser.add_argument(
        '--allow-pickle', action='store_true',
        help='read that pickle; only arrays are taken from it')
    args = parser.parse_args()
    for split in args.split:
        if args.from_upstream:
            path = args.root / f'modelnet40_{split}_8192pts_fps.dat'
            cache = convert_upstream_cache(path, split, args.allow_pickle)
        else:
            cache = build_cache(
                args.root, split, args.num_points, args.workers)
        print(f'{split}: {cache}')


if __name__ == '__main__':
    main()
