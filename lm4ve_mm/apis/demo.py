"""Demos: a config trained, then other commands, each shown as it runs."""

import subprocess
import sys
import time
from pathlib import Path


def step(*words: object) -> None:
    """Show a Python command, run it, and leave if it fails."""
    shown = ['python', *map(str, words)]
    print(f'\n$ {" ".join(shown)}', flush=True)  # noqa: T201
    done = subprocess.run([sys.executable, *shown[1:]])
    if done.returncode:
        sys.exit(done.returncode)


def check_checkout(config: Path) -> None:
    """Leave with a message if the demo does not run in the checkout."""
    if not config.is_file():
        sys.exit(f'there is no {config} here: run the demo in the checkout')


def train(config: Path, work_dir: Path) -> tuple[Path, float]:
    """Train a config and test it.

    Returns:
        tuple: The last checkpoint, and the minutes that the training took.
    """
    start = time.time()
    step('tools/train.py', config, '--work-dir', work_dir)
    minutes = (time.time() - start) / 60
    checkpoint = work_dir / Path(
        (work_dir / 'last_checkpoint').read_text()).name
    step('tools/test.py', config, checkpoint, '--work-dir', work_dir)
    return checkpoint, minutes


def closing(minutes: float, *files: Path) -> None:
    """Say what there is to look at."""
    names = '\n'.join(f'  {file}' for file in files)
    print(  # noqa: T201
        f'\nTrained in {minutes:.1f} minutes. Look at\n{names}')
