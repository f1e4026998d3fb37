"""Check a downloaded data set, and say what is missing.

    python projects/point_cloud/tools/check_point_data.py scanobjectnn \
        data/ScanObjectNN

The data sets are scanobjectnn, modelnet40 and modelnet_fewshot. The exit
status is 1 if anything is missing or damaged.
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_point_cloud.datasets.checks import CHECKS

from lm4ve_mm.apis import check_data


def main() -> None:
    """Check as the command line says."""
    parser = ArgumentParser(description='Check a downloaded data set')
    parser.add_argument('dataset', choices=sorted(CHECKS))
    parser.add_argument('root', type=Path)
    args = parser.parse_args()
    check_data.report(CHECKS[args.dataset](args.root))


if __name__ == '__main__':
    main()
