"""Further tests of the runs of a study: other data, attacks, filtering."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device

from lm4ve_mm.analysis import filtering_report
from lm4ve_mm.analysis.study_tables import Measured
from lm4ve_mm.image.datasets.masks import MaskPipeline
from lm4ve_mm.registry import DATASETS
from lm4ve_mm.utils.errors import ConfigError
from lm4ve_mm.utils.files import replacing

from .arguments import testing_parser
from .configure import configure_testing
from .controls import derive
from .inference import load_model
from .launch import build_runner, load_config
from .strict_loading import load_strictly
from .study import Run, last_checkpoint

FILTERING = 'filtering'


def read_tests(paths: Sequence[str], cfg: Config) -> dict[str, Config]:
    """Read the configs of further tests.

    Args:
        paths: Each with the model of the study; data, metrics and test loop
            of its own.
        cfg: Of the study.

    Returns:
        dict: By the names of the files.

    Raises:
        ConfigError: If one has another model.
    """
    tests = {Path(path).stem: load_config(path) for path in paths}
    for name, test in tests.items():
        if test.model != cfg.model:
            raise ConfigError(
                f'--also-test {name}: its model is not that of the study, so '
                'it cannot test its checkpoints')
    return tests


def also_test(runs: Sequence[Run], tests: Mapping[str, Config],
              say: Callable[[str], None] = print) -> None:
    """Test what was trained, in this process; what is done is left.

    Args:
        runs: Of a study; those that are not done are passed over.
        tests: Of :func:`read_tests`.
        say: Takes lines about the progress.
    """
    for run in runs:
        for name, cfg in tests.items():
            out = _file(run, name)
            if not run.done or out.is_file():
                continue
            checkpoint = last_checkpoint(run.folder)
            args = testing_parser().parse_args([
                str(run.config), str(checkpoint), '--work-dir',
                str(run.folder / name)])
            made = configure_testing(derive(cfg, run.variant, run.seed), args)
            # Runners of one process are told apart by this.
            made.experiment_name = f'{run.config.stem}_{name}'
            made.log_level = 'WARNING'
            _write(out, load_strictly(build_runner(made)).test())
            say(f'{run}: {name} done')


def look_into(runs: Sequence[Run], batch_size: int = 50,
              say: Callable[[str], None] = print) -> None:
    """Score how well the tokens of each run mark the foreground.

    Args:
        runs: Of a study whose test data have masks.
        batch_size: Images at a time.
        say: Takes lines about the progress.

    Raises:
        ConfigError: If the test data have no masks.
    """
    for run in runs:
        out = _file(run, FILTERING)
        if not run.done or out.is_file():
            continue
        cfg = load_config(run.config)
        data = cfg.test_dataloader.dataset
        model = load_model(cfg, str(last_checkpoint(run.folder)))
        dataset = DATASETS.build(data)
        if not hasattr(dataset, 'masks'):
            raise ConfigError(f'--filtering: {data.type} has no masks')
        rows = filtering_report.score_model(
            model.to(get_device()), filtering_report.batches_of(
                dataset, MaskPipeline(data.pipeline), batch_size))
        _write(out, filtering_report.as_metrics(rows))
        say(f'{run}: {FILTERING} done')


def read_measured(runs: Sequence[Run],
                  names: Sequence[str]) -> list[Measured]:
    """Read what further tests gave.

    Args:
        runs: Of the study.
        names: Of tests, and :data:`FILTERING`.
    """
    return [Measured(run.variant, run.seed, name,
                     json.loads(_file(run, name).read_text()))
            for run in runs for name in names if _file(run, name).is_file()]


def _file(run: Run, name: str) -> Path:
    return run.folder / f'metrics_{name}.json'


def _write(path: Path, metrics: dict) -> None:
    with replacing(path) as temporary:
        Path(temporary).write_text(json.dumps(metrics, indent=1))
