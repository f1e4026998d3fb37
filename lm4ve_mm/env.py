"""What is installed and what is known to be broken in it.

``python -m lm4ve_mm.env`` needs nothing but Python, so it can be asked when
nothing else imports. With ``--check`` the exit status is 1 if something is
broken that importing :mod:`lm4ve_mm.plugin` does not repair.
"""

import platform
import sys
from argparse import ArgumentParser
from dataclasses import dataclass

from .compat.breakages import BREAKAGES, Breakage
from .compat.facts import PACKAGES, Facts, collect
from .version import __version__

REPAIRED = 'repaired by importing lm4ve_mm.plugin, as our configs and tools do'


@dataclass(frozen=True)
class Finding:
    """One known breakage, found or not.

    Args:
        breakage: The breakage.
        problem: What has it here; None if it is absent.
    """

    breakage: Breakage
    problem: str | None

    @property
    def state(self) -> str:
        """``''``, ``'found'`` or, where the plugin repairs it, 'repaired'."""
        if self.problem is None:
            return ''
        return 'repaired' if self.breakage.repairs else 'found'


def diagnose(facts: Facts | None = None) -> list[Finding]:
    """Judge an environment.

    Args:
        facts: What is installed; by default what is found here.

    Returns:
        list[Finding]: One per known breakage, present or not.
    """
    facts = collect() if facts is None else facts
    return [Finding(breakage, breakage.find(facts)) for breakage in BREAKAGES]


def _device() -> str:
    """Say which accelerator torch sees."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return f'torch cannot be imported: {error}'
    if torch.cuda.is_available():
        return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name()}'
    return f'CPU only (torch built for CUDA {torch.version.cuda or "none"})'


def main() -> None:
    """Print the report."""
    parser = ArgumentParser(
        prog='python -m lm4ve_mm.env',
        description='Report what is installed and known to be broken')
    parser.add_argument(
        '--check', action='store_true',
        help='exit with status 1 if something found is not repaired')
    args = parser.parse_args()
    facts = collect()
    print(f'lm4ve_mm {__version__}')
    print(f'Python {platform.python_version()} on {platform.platform()}')
    print(f'Device: {_device()}\n')
    for name in PACKAGES:
        print(f'  {name:32s}{facts.versions.get(name, "-")}')
    print('\nKnown breakages:')
    findings = diagnose(facts)
    for finding in findings:
        breakage = finding.breakage
        print(f'  [{finding.state or "-":^8}] {breakage.name}')
        if finding.state:
            print(f'             here: {finding.problem}')
            print(f'             seen: {breakage.symptom}')
            print(f'             then: {breakage.remedy or REPAIRED}')
    if args.check and any(one.state == 'found' for one in findings):
        sys.exit(1)


if __name__ == '__main__':
    main()
