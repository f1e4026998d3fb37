"""Per-sample results of a test: what goes into the file with them."""

import hashlib
from argparse import Namespace
from pathlib import Path

from mmengine.config import Config

from lm4ve_mm.engine.sample_results import SampleResultsFile
from lm4ve_mm.version import __version__


def results_file(cfg: Config, args: Namespace) -> SampleResultsFile:
    """The metric behind ``tools/test.py --results FILE.json``.

    Args:
        cfg: The merged config of a test.
        args: What :func:`lm4ve_mm.apis.testing_parser` parsed.
    """
    return SampleResultsFile(args.results, about_test(cfg, args))


def about_test(cfg: Config, args: Namespace) -> dict[str, str | int]:
    """Say which model was tested on what, and how precisely."""
    data = cfg.test_dataloader.dataset
    about = dict(
        config=Path(args.config).stem,
        checkpoint=Path(args.checkpoint).name,
        seed=cfg.get('randomness', {}).get('seed', 'not set'),
        precision='amp' if args.amp else 'fp32',
        tta=bool(args.tta),
        dataset=str(data.type),
        pipeline_sha256=_sha256(str(data.get('pipeline')).encode()),
        version=__version__)
    # An address is not read twice.
    if Path(args.checkpoint).is_file():
        about['checkpoint_sha256'] = _sha256(
            Path(args.checkpoint).read_bytes())
    return about


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
