"""Something-Something-v2 as its owner gives it away."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lm4ve_mm.utils.files import replacing

from .annotations import Clip
from .encoding import write_mp4
from .errors import AnnotationError, VideoError, VideoNotFoundError, naming
from .frames import decoded, picture_of
from .orientation import is_turned
from .packet_index import video_stream

# Names of the files in the two packages that were given away.
NAMES = dict(
    labels=('labels.json', 'something-something-v2-labels.json'),
    train=('train.json', 'something-something-v2-train.json'),
    val=('validation.json', 'something-something-v2-validation.json'))
HOW_TO_GET = ('Something-Something-v2 is given away by Qualcomm AI Research, '
              'labels and videos apart, after registration')
# Smaller and faster than the generator's: these files are many.
X264 = dict(preset='veryfast', crf='23', threads='1')


def read_json(folder: Path, what: str) -> tuple[Path, Any]:
    """Read one of the files of :data:`NAMES`.

    Raises:
        VideoNotFoundError: If it is there under neither name.
        AnnotationError: If it is no JSON.
    """
    for name in NAMES[what]:
        path = folder / name
        if not path.is_file():
            continue
        try:
            return path, json.loads(path.read_text(encoding='utf-8'))
        except ValueError as error:
            raise AnnotationError(f'{path} is not JSON ({error})') from error
    raise VideoNotFoundError(
        f'{folder} has neither {" nor ".join(NAMES[what])}. {HOW_TO_GET}')


def read_classes(folder: Path) -> list[str]:
    """Read the names of the classes in the order of their numbers.

    Raises:
        AnnotationError: If the numbers are not 0, 1, 2, ...
    """
    path, given = read_json(folder, 'labels')
    try:
        numbers = {name: int(number) for name, number in given.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise AnnotationError(f'{path} does not map names to numbers: '
                              f'{error}') from error
    names = sorted(numbers, key=numbers.get)
    if [numbers[name] for name in names] != [*range(len(names))]:
        raise AnnotationError(
            f'{path} numbers its {len(names)} classes '
            f'{sorted(numbers.values())[:3]}..., not 0..{len(names) - 1}')
    return names


def read_clips(folder: Path, split: str, classes: list[str],
               suffix: str = '.mp4') -> list[Clip]:
    """Read the videos of a split and their classes.

    Args:
        folder (Path): Holds the JSON files.
        split (str): ``'train'`` or ``'val'``.
        classes (list[str]): What :func:`read_classes` gave.
        suffix (str): Ending of the videos' names.

    Raises:
        AnnotationError: If an entry is not what it should be; names it.
    """
    path, entries = read_json(folder, split)
    numbers: dict[str, int] = {name: i for i, name in enumerate(classes)}
    clips = []
    for place, entry in enumerate(entries):
        try:
            # A template has its gaps in brackets, a class has not.
            name = entry['template'].replace('[', '').replace(']', '')
            clips.append(Clip(f'{entry["id"]}{suffix}', numbers[name]))
        except (KeyError, TypeError, AttributeError) as error:
            raise AnnotationError(
                f'{path}, entry {place}: {entry} has no id, or no template '
                f'that is a class ({error})') from error
    return clips


def resized_frames(source: Path, height: int) -> Iterator[np.ndarray]:
    """Decode a video into upright (height, W, 3) arrays; W is even.

    Raises:
        VideoError: If it cannot be decoded or has no frame.
    """
    import av
    frame = None
    with naming(str(source), 'pyav'):
        for frame in decoded(str(source)):
            if is_turned(frame):
                frame = av.VideoFrame.from_ndarray(
                    picture_of(frame), format='rgb24')
            width = 2 * round(frame.width * height / frame.height / 2)
            yield frame.to_ndarray(
                format='rgb24', width=width, height=height,
                interpolation='BICUBIC')
    if frame is None:
        raise VideoError(f'the video {source} has no frames')


def transcode(source: Path, target: Path, height: int = 240) -> None:
    """Write a video anew as H.264 of a given height, unless that is there.

    The target is complete or not there.

    Args:
        source (Path): The video.
        target (Path): The mp4 to write.
        height (int): Even.

    Raises:
        VideoError: If the source cannot be decoded.
    """
    import av
    if target.is_file():
        return
    with naming(str(source), 'pyav'), av.open(str(source)) as container:
        rate = video_stream(container).average_rate or Fraction(12)
    with replacing(target) as temporary:
        write_mp4(Path(temporary), resized_frames(source, height),
                  fps=rate, options=X264)
