"""Make VideoMAE's lists of Something-Something-v2, and its mp4 files.

    python tools/dataset_converters/ssv2.py LABELS --out data/ssv2 \
        --videos 20bn-something-something-v2

LABELS is the folder of train.json, validation.json and labels.json. The
videos, WebM as they are given away, are written as mp4 files of height 240
into data/ssv2/videos; what is there already is left as it is, so that the
command can be repeated. Without --videos only train.csv, val.csv and
classes.txt are written. The exit status is 1 if videos are missing.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from lm4ve_mm.utils.explain import explained
from lm4ve_mm.video.files import (
    AnnotationError,
    VideoError,
    VideoNotFoundError,
    missing_files,
    write_list,
)
from lm4ve_mm.video.files.ssv2 import read_classes, read_clips, transcode

SHOWN = 10


def parse() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        description='Make lists and mp4 files of Something-Something-v2')
    parser.add_argument('labels', type=Path, help='folder of the JSON files')
    parser.add_argument('--out', type=Path, default=Path('data/ssv2'))
    parser.add_argument(
        '--videos', type=Path, help='folder of the original .webm files')
    parser.add_argument('--height', type=int, default=240)
    parser.add_argument(
        '--jobs',
        type=int,
        default=os.cpu_count(),
        help='processes that write videos (default: one per core)')
    parser.add_argument(
        '--skip-missing',
        action='store_true',
        help='leave videos that are not in OUT/videos out of the lists')
    args = parser.parse_args()
    if args.height < 2 or args.height % 2:
        parser.error(f'--height {args.height} has to be even')
    if args.jobs < 1:
        parser.error(f'--jobs {args.jobs} has to be at least 1')
    if args.videos and not args.videos.is_dir():
        parser.error(f'there is no folder {args.videos}')
    return args


def try_transcode(source: Path, folder: Path, height: int) -> str | None:
    """Write one video; give the message if that fails."""
    try:
        transcode(source, folder / f'{source.stem}.mp4', height)
    except VideoError as error:
        return str(error)
    return None


def transcode_all(args: Namespace, names: list[str]) -> list[str]:
    """Write the videos that are listed; give the messages of failures."""
    sources = [args.videos / f'{Path(name).stem}.webm' for name in names]
    lost = set(missing_files(map(str, sources)))
    there = [source for source in sources if str(source) not in lost]
    work = partial(try_transcode, folder=args.out / 'videos',
                   height=args.height)
    # A fork of a process with torch's threads may hang.
    with get_context('spawn').Pool(args.jobs) as pool:
        done = tqdm(pool.imap_unordered(work, there, chunksize=8),
                    total=len(there), desc='videos')
        return [message for message in done if message]


def report(what: str, lines: list[str]) -> None:
    """Print how many there are, and the first."""
    print(f'{len(lines)} {what}:')
    print('\n'.join(f'  {line}' for line in lines[:SHOWN]))
    if len(lines) > SHOWN:
        print(f'  ... and {len(lines) - SHOWN} more')


def main() -> None:
    """Convert as the command line says."""
    args = parse()
    with explained(AnnotationError, VideoNotFoundError):
        classes = read_classes(args.labels)
        splits = {split: read_clips(args.labels, split, classes)
                  for split in ('train', 'val')}
    videos = args.out / 'videos'
    videos.mkdir(parents=True, exist_ok=True)
    names = [clip.name for clips in splits.values() for clip in clips]
    damaged = transcode_all(args, names) if args.videos else []
    lost = {Path(path).name
            for path in missing_files(str(videos / name) for name in names)}
    (args.out / 'classes.txt').write_text('\n'.join(classes) + '\n')
    for split, clips in splits.items():
        kept = [clip for clip in clips
                if not (args.skip_missing and clip.name in lost)]
        write_list(args.out / f'{split}.csv', kept)
        print(f'wrote {args.out / split}.csv: {len(kept)} of {len(clips)} '
              f'videos, {len(classes)} classes')
    if damaged:
        report('videos could not be decoded', damaged)
    if lost:
        report(f'videos are not in {videos}', sorted(lost))
        print('They are left out of the lists.' if args.skip_missing else
              'Training will stop at the first: get them, or repeat this '
              'with --skip-missing.')
        sys.exit(1)


if __name__ == '__main__':
    main()
