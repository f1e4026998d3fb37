"""Check a downloaded data set, and say what is missing.

    python projects/vqa/tools/check_vqa_data.py vqav2 data/vqav2

The data sets are vqav2 and flickr30k. Decoding every image takes a while;
--every 100 decodes one in a hundred. The exit status is 1 if anything is
missing or damaged.
"""

from argparse import ArgumentParser
from pathlib import Path

from lm4ve_vqa.datasets.checks import CHECKS

from lm4ve_mm.apis import check_data


def main() -> None:
    """Check as the command line says."""
    parser = ArgumentParser(description='Check a downloaded data set')
    parser.add_argument('dataset', choices=sorted(CHECKS))
    parser.add_argument('root', type=Path)
    check_data.add_every(parser, 'image')
    args = parser.parse_args()
    check_data.report(CHECKS[args.dataset](args.root, args.every))


if __name__ == '__main__':
    main()
