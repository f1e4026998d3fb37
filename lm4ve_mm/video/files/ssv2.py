"""Something-Something-v2 as its owner gives it away."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from lm4ve_mm.utils.files import replacing

from .annotations import Clip
from .encoding import write_mp4
from .errors import AnnotationError, VideoError, VideoNotFoundError, naming

# Names of the files in the two packages that were given away.
NAMES = dict(
    labels=('labels.json', 'something-something-v2-labels.json'),
    train=('train.json', 'something-something-v2-train.json'),
    val=('validation.json', 'something-something-v2-validation.json'))
HOW_TO_GET = ('Something-Something-v2 is given away by Qualcomm AI Research, '
              'labels and videos apart, after registration')
# Smaller and faster than the generator's: these files are many.
X264 = dict(preset='veryfast', crf='23', threads='1')


def read_json(folder: Path, what: str) -> Tuple[Path, Any]:
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


def read_classes(folder: Path) -> List[str]:
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


def read_clips(folder: Path, split: str, classes: List[str],
               suffix: str = '.mp4') -> List[Clip]:
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
    numbers: Dict[str, int] = {name: i for i, name in enumerate(classes)}
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


def read_frames(source: Path, container, height: int) -> Iterator:
    """Decode a video into (height, W, 3) arrays; W is even.

    Raises:
        VideoError: If it cannot be decoded or has no frame.
    """
    frame = None
    with naming(str(source), 'pyav'):
        for frame in container.decode(video=0):
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
    with naming(str(source), 'pyav'):
        container = av.open(str(source))
        rate = container.streams.video[0].average_rate or Fraction(12)
    with container, replacing(target) as temporary:
        write_mp4(Path(temporary), read_frames(source, container, height),
                  fps=rate, options=X264)
