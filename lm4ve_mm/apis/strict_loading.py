"""Loads weights for a test strictly."""

import sys
from pickle import UnpicklingError
from textwrap import shorten

from mmengine.dist import all_gather_object, barrier
from mmengine.runner import Runner


def load_strictly(runner: Runner) -> Runner:
    """Let a runner load what fits; anything else ends the program.

    MMEngine warns of weights that are missing or left over, and goes on with
    random values in their place. A published file that a model translates
    is compared after that.

    Args:
        runner (Runner): Of a test, before it has loaded.

    Returns:
        Runner: The same. Where the checkpoint cannot be read or does not
        fit, every process exits with status 2, the first one with a message.
    """
    load = runner.load_checkpoint

    def load_or_exit(filename: str, **options) -> dict:
        loaded, problem = None, ''
        try:
            loaded = load(filename, **{**options, 'strict': True})
        # What reading and loading raise has messages for people:
        # CheckpointError and BlockMismatchError among them.
        except (OSError, ValueError, RuntimeError, EOFError,
                UnpicklingError) as error:
            problem = _shortened(error) or 'the file ends too early'
        # MMEngine compares in the first process only.
        problems = [given for given in all_gather_object(problem) if given]
        if problems:
            if runner.rank == 0:
                print(  # noqa: T201
                    f'error: cannot test {filename}: {problems[0]}',
                    file=sys.stderr,
                    flush=True)
            # Once one of them has ended, a launcher kills the others.
            barrier()
            sys.exit(2)
        return loaded

    runner.load_checkpoint = load_or_exit
    return runner


def _shortened(error: Exception) -> str:
    """The message; MMEngine's without the hundreds of names it may list."""
    if type(error) is not RuntimeError:
        return str(error)
    lines = [shorten(line, 400, placeholder=' ...')
             for line in str(error).splitlines() if line.strip()]
    lines[8:] = ['...'] * (len(lines) > 8)
    if 'do not match exactly' in str(error):
        lines.append('Test it with the config that it was trained with.')
    return '\n'.join(lines)
