"""The end of every tool that checks a downloaded data set."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable

from lm4ve_mm.utils.findings import Finding


def add_every(parser: ArgumentParser, what: str) -> None:
    """Add ``--every N``, which reads one in N.

    Args:
        parser: Of the tool.
        what: What is read, such as ``'scene'``.
    """

    def positive(text: str) -> int:
        value = int(text)
        if value < 1:
            raise ValueError
        return value

    positive.__name__ = 'number of at least 1'
    parser.add_argument('--every', type=positive, default=1,
                        help=f'read every n-th {what}')


def report(findings: Iterable[Finding]) -> None:
    """Print findings as they come, then all problems; leave with 1 if any.

    Args:
        findings: What was looked at.
    """
    problems = []
    for finding in findings:
        print(f'{finding.what:50s} {finding.state}',  # noqa: T201
              flush=True)
        if finding.problem:
            problems.append(finding.problem)
    if not problems:
        print('\nEverything is there.')  # noqa: T201
        return
    lines = '\n'.join(f'- {problem}' for problem in problems)
    print(f'\n{len(problems)} problems:\n{lines}')  # noqa: T201
    sys.exit(1)
