"""Is a downloaded data set complete?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from lm4ve_mm.utils.errors import DataError, DataNotFoundError
from lm4ve_mm.utils.findings import Finding, examine

from .answers import NUM_ANSWERS, read_answers
from .flickr30k import read_karpathy
from .photos import LoadPhoto
from .vqav2_files import (
    PARTS,
    Part,
    check_images,
    match,
    read_annotations,
    read_questions,
    some,
)

CAPTIONS = 5


def _expect(found: int, wanted: int, what: str) -> None:
    if wanted and found != wanted:
        raise DataError(f'{found:,} {what}, published are {wanted:,}')


def decode_some(paths: Sequence[Path], every: int) -> str:
    """Decode every n-th image.

    Raises:
        DataError: If there are any that cannot be decoded; names some.
    """
    chosen, broken = paths[::every], []
    for path in tqdm(chosen, desc='images', disable=None, leave=False):
        try:
            LoadPhoto().transform(dict(img_path=str(path)))
        except (OSError, DataError):
            broken.append(path.name)
    if broken:
        raise DataError(
            f'{len(broken)} of {len(chosen)} images cannot be decoded: '
            f'{some(broken)}')
    return f'{len(paths)} there, {len(chosen)} of them decoded'


def _check_part(root: Path, name: str, part: Part, every: int,
                folders: set[str]) -> Iterator[Finding]:
    """Look at the files of one part."""
    questions: list[dict] = []

    def look_at_questions() -> str:
        questions.extend(read_questions(root, part))
        _expect(len(questions), part.num_questions, f'questions in {name}')
        return f'{len(questions)} questions'

    def look_at_annotations() -> str:
        match(questions, read_annotations(root, part),
              lambda: f'{part.questions} and {part.annotations}')
        return 'one for each question, ten answers each'

    def look_at_images() -> str:
        check_images(root / part.images, part, questions)
        held = sorted((root / part.images).glob('*.jpg'))
        state = decode_some(held, every)
        _expect(len(held), part.num_images, f'images in {part.images}')
        return state

    yield examine(part.questions, look_at_questions)
    if questions and part.annotations:
        yield examine(part.annotations, look_at_annotations)
    if questions and part.images not in folders:
        folders.add(part.images)
        yield examine(f'{part.images}/', look_at_images)


def check_vqav2(root: Path, every: int = 1) -> Iterator[Finding]:
    """Look at questions, annotations, images and the vocabulary.

    Args:
        root: The folder with the JSON files and the folders of images.
        every: Decode every n-th image.
    """
    folders: set[str] = set()
    for name, part in PARTS.items():
        yield from _check_part(root, name, part, every, folders)

    def look_at_answers() -> str:
        found = len(read_answers(root / 'answers.json'))
        if found != NUM_ANSWERS:
            raise DataError(f'{found:,} answers; those of METER and ViLT are '
                            f'{NUM_ANSWERS:,}: build them of train and val')
        return f'{found} answers'

    yield examine('answers.json', look_at_answers)


def check_flickr30k(root: Path, every: int = 1) -> Iterator[Finding]:
    """Look at splits, captions and images.

    Args:
        root: The folder with ``dataset_flickr30k.json`` and
            ``flickr30k-images``.
        every: Decode every n-th image.
    """
    images: list[dict] = []
    path, folder = root / 'dataset_flickr30k.json', root / 'flickr30k-images'

    def look_at_splits() -> str:
        images.extend(read_karpathy(path, counts=None))
        read_karpathy(path)
        return f'{len(images)} images in the splits of Karpathy'

    def look_at_captions() -> str:
        odd = [one['filename'] for one in images
               if len(one['sentences']) != CAPTIONS]
        if odd:
            raise DataError(f'{len(odd)} images have not {CAPTIONS} captions: '
                            f'{some(odd)}')
        return f'{CAPTIONS} for each image'

    def look_at_images() -> str:
        if not folder.is_dir():
            raise DataNotFoundError(f'there is no folder of images {folder}')
        named = [folder / one['filename'] for one in images]
        missing = [one.name for one in named if not one.is_file()]
        if missing:
            raise DataNotFoundError(f'{len(missing)} of {len(named)} images '
                                    f'are missing: {some(missing)}')
        return decode_some(named, every)

    yield examine(path.name, look_at_splits)
    if images:
        yield examine('captions', look_at_captions)
        yield examine(f'{folder.name}/', look_at_images)


CHECKS = dict(vqav2=check_vqav2, flickr30k=check_flickr30k)
