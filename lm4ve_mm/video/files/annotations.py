"""Lists of videos, and whether the videos are there."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .errors import AnnotationError, VideoNotFoundError


class Clip(NamedTuple):
    """A line of a list: the name of a video and its class."""

    name: str
    label: int


def read_list(path: Path, num_classes: int | None = None) -> list[Clip]:
    """Read VideoMAE's ``train.csv``: on each line a path, a space, a label.

    MMAction2's lists have the same form. The label is what follows the last
    white space, be it spaces or tabs, so paths may have spaces.

    Args:
        path (Path): The list.
        num_classes (int, optional): Refuse labels from here on.

    Returns:
        list[Clip]: In the order of the file; empty lines are left out.

    Raises:
        VideoNotFoundError: If there is no such file.
        AnnotationError: If a line has another form or label, or no line has
            anything; names the line.
    """
    if not path.is_file():
        raise VideoNotFoundError(
            f'there is no list of videos {path}: on each line a path, a '
            'space and the number of a class. For Something-Something-v2, '
            'tools/dataset_converters/ssv2.py writes it')
    clips = []
    with path.open(encoding='utf-8') as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            name, *label = line.strip().rsplit(maxsplit=1)
            if not label or not label[0].isdecimal():
                raise AnnotationError(
                    f'{path}, line {number}: {line.strip()!r} is not a path, '
                    'a space and the number of a class')
            clip = Clip(name, int(label[0]))
            if num_classes is not None and clip.label >= num_classes:
                raise AnnotationError(
                    f'{path}, line {number}: label {clip.label} of '
                    f'{clip.name}, but the data set has {num_classes} '
                    f'classes, 0..{num_classes - 1}')
            clips.append(clip)
    if not clips:
        raise AnnotationError(f'{path} is empty')
    return clips


def read_class_names(path: Path) -> list[str]:
    """Read the names of the classes, one a line; empty if there is no file.

    Args:
        path (Path): Such as ``classes.txt`` of
            ``tools/dataset_converters/ssv2.py``.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip()]


def write_list(path: Path, clips: Iterable[Clip]) -> None:
    """Write a list in the form that :func:`read_list` reads."""
    path.write_text(
        ''.join(f'{name} {label}\n' for name, label in clips),
        encoding='utf-8')


def missing_files(paths: Iterable[str]) -> list[str]:
    """Find those of many files that are not there.

    Each folder is listed once, which for 200,000 files on a file server takes
    a second instead of minutes.

    Args:
        paths (Iterable[str]): Paths of files.

    Returns:
        list[str]: The missing ones, in the given order.
    """
    paths = list(paths)
    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_folder[os.path.dirname(path)].append(path)
    missing = set()
    for folder, inside in by_folder.items():
        try:
            there = set(os.listdir(folder or '.'))
        except (FileNotFoundError, NotADirectoryError):
            there = set()
        missing.update(
            path for path in inside if os.path.basename(path) not in there)
    return [path for path in paths if path in missing]
