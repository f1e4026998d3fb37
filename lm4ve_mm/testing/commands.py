"""Tools and pieces of code, run without importing everything anew."""

import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SCRIPT = Path(__file__).with_name('forked.py')
# What a run imports, none of it ours and no toolbox that we repair: modules
# of a `WarmPython` in which `lm4ve_mm.plugin` is imported within a second.
RUNNER = ('torch', 'mmengine.runner', 'mmcv', 'timm', 'matplotlib.pyplot',
          'scipy.stats')


def run_here(tool: Path, *words) -> int:
    """Run a tool in this process, which has everything imported.

    Args:
        tool: The script.
        words: Its command line.

    Returns:
        int: What the process of the tool would have ended with.
    """
    argv, path = sys.argv, sys.path
    sys.argv = [str(tool), *map(str, words)]
    sys.path = [str(Path(tool).parent), *path]
    try:
        runpy.run_path(str(tool), run_name='__main__')
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f'{ended.code}\n')
            return 1
        return ended.code or 0
    finally:
        sys.argv, sys.path = argv, path
    return 0


class WarmPython:
    """A Python that has imported some modules, and forks for every code.

    Args:
        modules: What it imports once. Nothing of this package, if the code
            is to see how that is imported.
    """

    def __init__(self, *modules: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, '-P', '-W', 'ignore', SCRIPT, *modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, OMP_NUM_THREADS='1'))

    def run(self, code: str, *words, cwd: Path | None = None,
            paths: Sequence[Path] = (),
            **env: str) -> subprocess.CompletedProcess:
        """Run code as ``python -c`` does.

        Args:
            code: What to run.
            words: The rest of the command line.
            cwd: The working folder.
            paths: Folders to import from first.
            env: Further environment variables.

        Returns:
            CompletedProcess: Exit status and both outputs, as text.

        Raises:
            RuntimeError: If the Python itself has ended.
        """
        with tempfile.TemporaryDirectory() as folder:
            out, err = (Path(folder) / name for name in ('out', 'err'))
            job = dict(
                code=code, words=list(map(str, words)), env=env,
                cwd=str(cwd or Path.cwd()), paths=list(map(str, paths)),
                out=str(out), err=str(err))
            self.process.stdin.write(json.dumps(job) + '\n')
            self.process.stdin.flush()
            status = self.process.stdout.readline()
            if not status:
                raise RuntimeError(
                    f'{" ".join(map(str, self.process.args))} has ended with '
                    f'status {self.process.wait()}: what it was to import is '
                    'not there, see its errors')
            return subprocess.CompletedProcess(
                code, int(status), out.read_text(), err.read_text())

    def close(self) -> None:
        """End the process."""
        self.process.communicate()
