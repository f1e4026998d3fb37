"""Check a folder of SQA3D with its scenes, and say what is missing.

    python projects/vqa_3d/tools/check_sqa3d_data.py data/sqa3d

Reading every scene takes some minutes; --every 50 reads one in fifty. The
exit status is 1 if anything is missing or damaged.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from lm4ve_vqa3d.datasets.checks import check_sqa3d


def main() -> None:
    """Check as the command line says."""
    parser = ArgumentParser(description='Check a folder of SQA3D')
    parser.add_argument('root', type=Path)
    parser.add_argument(
        '--every', type=int, default=1, help='read every n-th scene')
    args = parser.parse_args()
    if args.every < 1:
        parser.error(f'--every {args.every} has to be at least 1')
    problems = []
    for finding in check_sqa3d(args.root, args.every):
        print(f'{finding.what:30s} {finding.state}', flush=True)
        if finding.problem:
            problems.append(finding.problem)
    if problems:
        print(f'\n{len(problems)} problems:')
        print('\n'.join(f'- {problem}' for problem in problems))
        sys.exit(1)
    print('\nEverything is there.')


if __name__ == '__main__':
    main()
