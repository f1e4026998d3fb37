"""A study: a model and its controls, with several seeds, run and compared.

All that a study knows is in its folder: one folder a run, with the tested
metrics in it once the run is done. A study that was stopped goes on there.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from lm4ve_mm.utils.errors import ConfigError, DataError
from lm4ve_mm.utils.files import replacing

from .controls import BLOCK, derive

PLAN = 'study.json'
METRICS, RESULTS, LOG = 'metrics.json', 'results.json', 'output.log'


class Run(NamedTuple):
    """One training with its test.

    Args:
        variant: ``'block'`` or the name of a control.
        seed: Of the training.
        config: The config file of the variant with this seed.
        folder: Where the run writes.
    """

    variant: str
    seed: int
    config: Path
    folder: Path

    @property
    def done(self) -> bool:
        """Whether it was trained and tested."""
        return (self.folder / METRICS).is_file()

    def __str__(self) -> str:
        return f'{self.variant}, seed {self.seed}'


class Launch(NamedTuple):
    """How a study starts its runs.

    Args:
        tools: The folder of ``train.py`` and ``test.py``.
        prefix: Words before ``python``, such as those of ``srun``.
        launcher: ``--launcher`` of the tools.
        options: Words after the tools' own, such as ``--amp``.
        results: Whether per-sample results are kept.
    """

    tools: Path
    prefix: tuple[str, ...] = ()
    launcher: str = 'none'
    options: tuple[str, ...] = ()
    results: bool = True


def plan(cfg: Config, controls: Sequence[str], seeds: Sequence[int],
         folder: Path, lr_mult: float = 1.) -> list[Run]:
    """Write the configs of a study, or find those of an earlier start.

    Args:
        cfg: The merged config of the model with the frozen block.
        controls: Names of controls; the block itself always comes first.
        seeds: One run of each variant with each.
        folder: The folder of the study.
        lr_mult: See :func:`lm4ve_mm.apis.controls.derive`.

    Returns:
        list: The runs, all variants of a seed before the next seed, so that
        a study that is stopped early can be compared.

    Raises:
        ConfigError: If the folder holds runs of another config.
    """
    variants = [BLOCK, *(name for name in controls if name != BLOCK)]
    runs = [Run(name, seed, folder / f'{name}_seed{seed}.py',
                folder / f'{name}_seed{seed}')
            for seed in seeds for name in variants]
    texts = {}
    for run in runs:
        made = derive(cfg, run.variant, run.seed, lr_mult)
        made.pop('work_dir', None)
        texts[run.config.stem] = made.pretty_text
    _check_plan(folder, texts)
    for run in runs:
        _write(run.config, texts[run.config.stem])
    return runs


def _check_plan(folder: Path, texts: dict[str, str]) -> None:
    """Compare with what the folder was begun with."""
    digests = {name: hashlib.sha256(text.encode()).hexdigest()
               for name, text in texts.items()}
    file = folder / PLAN
    begun = json.loads(file.read_text()) if file.is_file() else {}
    changed = [name for name in digests
               if begun.get(name, digests[name]) != digests[name]]
    if changed:
        raise ConfigError(
            f'{folder} holds a study of another config (of '
            f'{", ".join(changed)}): its runs cannot be compared with new '
            'ones. Choose another --work-dir, or remove that folder')
    _write(file, json.dumps({**begun, **digests}, indent=1))


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        Path(temporary).write_text(text)


def train_command(run: Run, launch: Launch) -> list[str]:
    """The command that trains a run, or goes on with it."""
    return [
        *launch.prefix, sys.executable, str(launch.tools / 'train.py'),
        str(run.config), '--work-dir', str(run.folder), '--resume',
        '--launcher', launch.launcher, *launch.options
    ]


def test_command(run: Run, launch: Launch, checkpoint: Path) -> list[str]:
    """The command that tests the checkpoint of a run."""
    words = [
        *launch.prefix, sys.executable, str(launch.tools / 'test.py'),
        str(run.config), str(checkpoint), '--work-dir', str(run.folder),
        '--launcher', launch.launcher, '--out',
        str(run.folder / f'new_{METRICS}'), '--out-item', 'metrics'
    ]
    if launch.results:
        words += ['--results', str(run.folder / RESULTS)]
    return words


def last_checkpoint(folder: Path) -> Path:
    """The checkpoint that the training of a run ended with."""
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        raise DataError(f'{folder} has no last_checkpoint: the training '
                        f'saved none; see {folder / LOG}')
    return folder / Path(pointer.read_text().strip()).name


def carry_out(run: Run, launch: Launch, threads: int | None = None) -> None:
    """Train and test one run; what it prints goes into its folder.

    Raises:
        DataError: If one of the two fails; names the log.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    if threads:
        environment['OMP_NUM_THREADS'] = str(threads)
    with open(run.folder / LOG, 'ab') as log:
        _call(train_command(run, launch), log, environment, run)
        _call(test_command(run, launch, last_checkpoint(run.folder)), log,
              environment, run)
    # Only a run that went through has this name.
    os.replace(run.folder / f'new_{METRICS}', run.folder / METRICS)


def _call(words: list[str], log, environment: dict, run: Run) -> None:
    log.write(f'\n$ {" ".join(words)}\n'.encode())
    log.flush()
    status = subprocess.run(
        words, stdout=log, stderr=subprocess.STDOUT, env=environment,
        stdin=subprocess.DEVNULL).returncode
    if status:
        tail = Path(log.name).read_text(errors='replace').strip()
        raise DataError(
            f'{run}: a command ended with status {status}. The end of '
            f'{log.name}:\n' + '\n'.join(tail.splitlines()[-4:]))


def carry_out_all(runs: Sequence[Run], launch: Launch, jobs: int = 1,
                  say: Callable[[str], None] = print) -> list[str]:
    """Carry out what is not done yet, ``jobs`` at a time.

    Args:
        runs: Of :func:`plan`.
        launch: How they are started.
        jobs: How many at a time.
        say: Takes lines about the progress.

    Returns:
        list: What went wrong, one text a failed run. The others go on.
    """
    missing = [run for run in runs if not run.done]
    say(f'{len(runs)} runs, {len(runs) - len(missing)} of them done')
    threads = None
    if jobs > 1 and 'OMP_NUM_THREADS' not in os.environ:
        threads = max(1, (os.cpu_count() or 1) // jobs)
    failed, start = [], time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(carry_out, run, launch, threads): run
                   for run in missing}
        for number, ended in enumerate(as_completed(waiting), 1):
            error = ended.exception()
            if isinstance(error, DataError):
                failed.append(str(error))
            elif error is not None:
                raise error
            passed = time.monotonic() - start
            left = passed / number * (len(missing) - number)
            state = 'failed' if error else 'done'
            say(f'[{number}/{len(missing)}] {waiting[ended]}: {state}; '
                f'{passed / 60:.1f} min, about {left / 60:.1f} min left')
    return failed
