"""Turn ScanNet's scans into the arrays that SQA3D's data set reads.

    python projects/vqa_3d/tools/prepare_scannet.py data/sqa3d/scans \
        --out data/sqa3d/scannet_data --workers 4

Of each scan folder it reads ``<scene>_vh_clean_2.ply``,
``<scene>.aggregation.json``, ``<scene>_vh_clean_2.0.010000.segs.json`` and
``<scene>.txt``; names of things become labels by
``scannetv2-labels.combined.tsv`` (--labels). A scene that is there already
is left alone, so that a run that was stopped goes on; --scenes takes some.
The exit status is 1 if a scene failed; the others are prepared.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from lm4ve_vqa3d.datasets.scannet import (
    LABELS,
    is_prepared,
    prepare,
    read_label_map,
    write_prepared,
)
from tqdm import tqdm

from lm4ve_mm import apis
from lm4ve_mm.utils.errors import DataError, DataNotFoundError


def one(scan: Path, out: Path, labels: Path, seed: int) -> str | None:
    """Prepare one scene: what went wrong, or None."""
    try:
        write_prepared(out, scan.name,
                       prepare(scan, read_label_map(labels), seed))
    except (OSError, ValueError) as error:
        return f'{scan.name}: {error}'
    return None


@contextmanager
def workers(count: int) -> Iterator[Callable]:
    """Give a ``map`` over processes; one process does it itself."""
    if count == 1:
        yield map
        return
    with ProcessPoolExecutor(
            count, mp_context=get_context('spawn')) as pool:
        yield pool.map


def find_scans(args: Namespace) -> list[Path]:
    """The folders to read.

    Raises:
        DataNotFoundError: If there are none, or one is not there.
        DataError: If there are no labels.
    """
    if not args.scans.is_dir():
        raise DataNotFoundError(f'there is no folder {args.scans}')
    names = args.scenes or sorted(
        path.parent.name for path in args.scans.glob('*/*_vh_clean_2.ply'))
    if not names:
        raise DataNotFoundError(
            f'there is no <scene>/<scene>_vh_clean_2.ply in {args.scans}')
    lacking = [name for name in names if not (args.scans / name).is_dir()]
    if lacking:
        raise DataNotFoundError(
            f'there is no scan {", ".join(lacking)} in {args.scans}')
    if not read_label_map(args.labels):
        raise DataError(f'{args.labels} holds no names')
    return [args.scans / name for name in names]


@apis.explained()
def main() -> None:
    """Prepare as the command line says."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('scans', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument(
        '--labels', type=Path,
        help=f'by default {LABELS} beside the folder of scans')
    parser.add_argument('--scenes', nargs='+')
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--seed', type=int, default=0,
                        help='of the 50,000 points that are kept')
    args = parser.parse_args()
    if args.workers < 1:
        parser.error(f'--workers {args.workers} has to be at least 1')
    args.labels = args.labels or args.scans.parent / LABELS
    scans = find_scans(args)
    todo = [scan for scan in scans if not is_prepared(args.out, scan.name)]
    work = partial(one, out=args.out, labels=args.labels, seed=args.seed)
    with workers(args.workers) as run:
        done = list(tqdm(run(work, todo), total=len(todo), desc='scenes',
                         disable=None))
    failed = [message for message in done if message]
    print(f'{len(todo) - len(failed)} scenes prepared, '
          f'{len(scans) - len(todo)} were there, {len(failed)} failed')
    if failed:
        sys.exit('\n'.join(failed))


if __name__ == '__main__':
    main()
