"""Check a downloaded data set, and say what is missing.

    python projects/vqa/tools/check_vqa_data.py vqav2 data/vqav2

The data sets are vqav2 and flickr30k. Decoding every image takes a while;
--every 100 decodes one in a hundred. The exit status is 1 if anything is
missing or damaged.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from lm4ve_vqa.datasets.checks import CHECKS


def main() -> None:
    """Check as the command line says."""
    parser = ArgumentParser(description='Check a downloaded data set')
    parser.add_argument('dataset', choices=sorted(CHECKS))
    parser.add_argument('root', type=Path)
    parser.add_argument(
        '--every', type=int, default=1, help='decode every n-th image')
    args = parser.parse_args()
    if args.every < 1:
        parser.error(f'--every {args.every} has to be at least 1')
    problems = []
    for finding in CHECKS[args.dataset](args.root, args.every):
        print(f'{finding.what:50s} {finding.state}', flush=True)
        if finding.problem:
            problems.append(finding.problem)
    if problems:
        print(f'\n{len(problems)} problems:')
        print('\n'.join(f'- {problem}' for problem in problems))
        sys.exit(1)
    print('\nEverything is there.')


if __name__ == '__main__':
    main()
