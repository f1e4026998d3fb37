"""Is one model better than another, or was it luck?

    python tools/test.py CONFIG CHECKPOINT --results host_0.json
    python tools/analysis_tools/compare.py host_*.json --vs block_*.json

Each file is one run (one seed); the files on both sides are paired in the
order given. Prints the noise of the test set and that of training apart.
"""

import json
from argparse import ArgumentParser
from pathlib import Path

from lm4ve_mm.analysis.comparison_report import compare_files, table
from lm4ve_mm.utils.explain import explained
from lm4ve_mm.utils.files import replacing


@explained()
def main() -> None:
    """Compare as the command line says."""
    parser = ArgumentParser(description='Compare two models')
    parser.add_argument('first', nargs='+', help='results of the first model')
    parser.add_argument(
        '--vs', nargs='+', required=True, help='results of the second model')
    parser.add_argument('--names', nargs=2, metavar='NAME',
                        help='what to call them; default: their configs')
    parser.add_argument('--out', help='JSON file for the numbers')
    args = parser.parse_args()
    report = compare_files(args.first, args.vs, args.names)
    print(table(report))
    if args.out:
        with replacing(Path(args.out)) as temporary:
            Path(temporary).write_text(json.dumps(report, indent=1))


if __name__ == '__main__':
    main()
