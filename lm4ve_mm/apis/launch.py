"""From a command line to a runner: what the tools share."""

import logging
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config
from mmengine.config.utils import ConfigParsingError
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.logging import print_log
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from lm4ve_mm import compat
from lm4ve_mm.engine.errors import RunError
from lm4ve_mm.llm import (
    BlockMismatchError,
    CheckpointError,
    CheckpointNotFoundError,
)
from lm4ve_mm.utils.errors import ConfigError, DataError, DataNotFoundError
from lm4ve_mm.utils.explain import explained, is_users_bug

from .console import ConsoleRunner

INSTALLED_CONFIGS = Path(__file__).parents[1] / '.mim' / 'configs'
# What a launcher has to have set, and what starts the processes then.
LAUNCHERS = dict(
    pytorch=(('RANK', 'LOCAL_RANK', 'WORLD_SIZE'),
             'torchrun (tools/dist_train.sh)'),
    slurm=(('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
           'srun (tools/slurm_train.sh)'),
    mpi=(('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK',
          'OMPI_COMM_WORLD_SIZE', 'MASTER_ADDR'),
         'mpirun, with MASTER_ADDR for the first host'))
MISTAKES = (BlockMismatchError, CheckpointError, CheckpointNotFoundError,
            ConfigError, DataError, DataNotFoundError, RunError)
# What data sets and their toolboxes raise about files and lists.
DATA_ERRORS = (OSError, ValueError, RuntimeError, AssertionError, ImportError)
DATA_HINT = ('The data are those of train_dataloader.dataset, '
             'val_dataloader.dataset and test_dataloader.dataset; another '
             'place: --cfg-options train_dataloader.dataset.data_root=PATH')


def parse_or_exit(parser: ArgumentParser,
                  configure: Callable[[Config, Namespace], Config]
                  ) -> tuple[Config, Namespace]:
    """Parse the command line, read the config and merge the two.

    Args:
        parser: One of the parsers of :mod:`lm4ve_mm.apis.arguments`.
        configure: :func:`configure_training` or :func:`configure_testing`.

    Returns:
        tuple: The merged config and the arguments. A mistake in what the
        user gave ends the program with a message and exit status 2.
    """
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    with explained(FileNotFoundError, ValueError):
        return configure(load_config(args.config), args), args


def load_config(path: str | Path) -> Config:
    """Read a config, with the repairs its bases may need.

    Args:
        path: A config file.

    Returns:
        Config: The config, its bases merged.

    Raises:
        FileNotFoundError: If there is no such file; names similar ones.
        ConfigError: If it, or one of its bases, cannot be read.
    """
    if not Path(path).is_file():
        folders = (Path(path).parent, Path('configs'), INSTALLED_CONFIGS)
        similar = _similar_files(Path(path).stem, folders)
        hint = ('Similar: ' + ', '.join(similar) if similar else
                'No config there, in configs/ or in the installed package '
                'has a similar name.')
        raise FileNotFoundError(f'there is no config file {path}. {hint}')
    compat.apply()
    try:
        return Config.fromfile(path)
    # What MMEngine raises about a base or a file that it cannot parse.
    except (OSError, ValueError, AssertionError, SyntaxError,
            ConfigParsingError, ImportError) as error:
        if is_users_bug(error):
            raise
        cause = error
        # An import of custom_imports that failed says why at the bottom.
        while isinstance(cause, ImportError) and cause.__context__:
            cause = cause.__context__
        raise ConfigError(f'cannot read the config {path}, or what it names '
                          f'in _base_ or custom_imports: {cause}') from error


def _similar_files(stem: str, folders: Iterable[Path]) -> list[str]:
    """Find configs whose name is close to ``stem``."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted(folder.glob('*.py')):
            found.setdefault(file.stem, str(file))
    return [found[name] for name in get_close_matches(stem, found)]


def build_runner(cfg: Config) -> Runner:
    """Build the runner that a merged config describes.

    Args:
        cfg: The config, with ``launcher`` and ``work_dir``.

    Returns:
        Runner: MMEngine's runner, its dumps in the log file alone, or the
        config's ``runner_type``.

    Raises:
        ConfigError: If several processes were started without saying so, or
            one was started as if it were one of several.
    """
    _check_launcher(cfg.launcher)
    if cfg.get('sync_bn') is not None and get_device() == 'cpu':
        print_log(
            f'sync_bn={cfg.sync_bn!r} needs GPUs; on CPUs every process '
            'keeps batch statistics of its own',
            logger='current',
            level=logging.WARNING)
        cfg.sync_bn = None
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return ConsoleRunner.from_cfg(cfg)


def _check_launcher(launcher: str) -> None:
    """Compare ``--launcher`` with how this process was started."""
    if launcher == 'none':
        world_size = os.environ.get('WORLD_SIZE', '1')
        if world_size != '1':
            raise ConfigError(
                f'{world_size} processes were started, but with --launcher '
                'none each would train a model of its own: add --launcher '
                'pytorch')
        return
    if launcher not in LAUNCHERS:
        raise ConfigError(f'there is no launcher {launcher!r}; there are '
                          f'none, {", ".join(LAUNCHERS)}')
    needed, starter = LAUNCHERS[launcher]
    missing = [name for name in needed if name not in os.environ]
    if missing and not is_distributed():
        raise ConfigError(
            f'--launcher {launcher} needs {", ".join(missing)} in the '
            f'environment: start the processes with {starter}, or leave '
            '--launcher out for a single process')


def build_or_exit(cfg: Config) -> Runner:
    """Build the runner; a mistake of the user ends the program.

    Args:
        cfg: As :func:`build_runner` takes it.

    Returns:
        Runner: What :func:`build_runner` gives. Without the language model's
        weights the message stands alone, and the exit status is 2.
    """
    with explained(*MISTAKES):
        return build_runner(cfg)


def train_or_exit(runner: Runner) -> None:
    """Train; missing data or a foreign file to start from ends the program.

    Args:
        runner: Ready to train or to resume.
    """
    with explained(*MISTAKES):
        with _about_data():
            # The first access builds the data sets, as training would.
            runner.train_loop, runner.val_loop  # noqa: B018
        runner.train()


def test_or_exit(runner: Runner) -> dict[str, float]:
    """Test; missing data or a foreign checkpoint ends the program.

    Args:
        runner: Ready to test.

    Returns:
        dict: Metric -> value.
    """
    with explained(*MISTAKES):
        with _about_data():
            runner.test_loop  # noqa: B018
        return runner.test()


@contextmanager
def _about_data() -> Iterator[None]:
    """Say of an error that it is about the data, and where to set them."""
    try:
        yield
    except MISTAKES:
        raise
    except DATA_ERRORS as error:
        if is_users_bug(error):
            raise
        raise DataError(
            f'the data cannot be read: {error}. {DATA_HINT}') from error
