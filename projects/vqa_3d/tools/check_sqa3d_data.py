"""Check a folder of SQA3D with its scenes, and say what is missing.

    python projects/vqa_3d/tools/check_sqa3d_data.py data/sqa3d

Reading every scene takes some minutes; --every 50 reads one in fifty. The
exit status is 1 if anything is missing or damaged.
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_vqa3d.datasets.checks import check_sqa3d

from lm4ve_mm.apis import check_data


def main() -> None:
    """Check as the command line says."""
    parser = ArgumentParser(description='Check a folder of SQA3D')
    parser.add_argument('root', type=Path)
    check_data.add_every(parser, 'scene')
    args = parser.parse_args()
    check_data.report(check_sqa3d(args.root, args.every))


if __name__ == '__main__':
    main()
