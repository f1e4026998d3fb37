"""Check a downloaded data set, and say what is missing.

    python projects/motion_forecasting/tools/check_motion_data.py argoverse1 \
        data/argoverse1

The data sets are argoverse1 and argoverse2. Reading every scene takes an
hour or so; --every 100 reads one in a hundred. The exit status is 1 if
anything is missing or damaged.
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_motion.datasets.checks import CHECKS

from lm4ve_mm.apis import check_data


def main() -> None:
    """Check as the command line says."""
    parser = ArgumentParser(description='Check a downloaded data set')
    parser.add_argument('dataset', choices=sorted(CHECKS))
    parser.add_argument('root', type=Path)
    check_data.add_every(parser, 'scene')
    args = parser.parse_args()
    check_data.report(CHECKS[args.dataset](args.root, args.every))


if __name__ == '__main__':
    main()
