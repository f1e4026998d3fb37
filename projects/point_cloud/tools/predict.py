"""Classify a cloud of your own.

    python projects/point_cloud/tools/predict.py CONFIG CHECKPOINT FILE

FILE is .npy, .ply, .txt, .xyz, .csv or .h5, x, y and z in front, y pointing
up. CHECKPOINT is one of ours or a published fine-tuned one.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
from lm4ve_point_cloud.apis import class_names, classify, prepare
from lm4ve_point_cloud.datasets import NormalizeCloud
from lm4ve_point_cloud.datasets.read_cloud import read_cloud

from lm4ve_mm import apis

# Beyond these a cloud is not what models are trained on: around the origin
# and about as large as the unit ball.
OFFSET, RADII = 0.5, (0.3, 2.)


def warn_of_size(points: np.ndarray) -> None:
    """Say so where a cloud (N, 3) is unlike those of training."""
    centre = np.linalg.norm(points.mean(0))
    radius = np.linalg.norm(points - points.mean(0), axis=1).max()
    if centre > OFFSET or not RADII[0] <= radius <= RADII[1]:
        print(f'warning: the cloud lies {centre:.2g} from the origin and has '
              f'a radius of {radius:.2g}; models are trained on clouds around '
              'the origin of a radius around 1: try --normalize')


def run(args: Namespace) -> None:
    """Read, prepare, classify and print."""
    for path in (args.config, args.checkpoint):
        if not Path(path).is_file():
            raise FileNotFoundError(f'no file {path}')
    cfg = apis.load_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    points = read_cloud(args.file, args.index)
    if args.normalize:
        points = NormalizeCloud().transform(dict(points=points))['points']
    elif 'NormalizeCloud' not in str(cfg.test_dataloader.dataset.pipeline):
        warn_of_size(points)
    points = prepare(cfg, points, args.file)
    model = apis.load_model(cfg, args.checkpoint)
    names = class_names(cfg, model.head.num_outputs)
    for guess in classify(model, points, names)[:args.topk]:
        print(f'{guess.score:7.1%}  {guess.name}')


@apis.explained()
def main() -> None:
    """Predict as the command line says."""
    parser = ArgumentParser(description='Classify a cloud of your own')
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('file')
    parser.add_argument(
        '--index', type=int, help='which cloud of a file that holds several')
    parser.add_argument(
        '--normalize',
        action='store_true',
        help='move the cloud to the origin and scale it to radius 1')
    parser.add_argument(
        '--topk', type=int, default=3, help='classes to print (default: 3)')
    apis.add_config_options(parser)
    run(parser.parse_args())


if __name__ == '__main__':
    main()
