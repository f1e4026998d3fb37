"""Images and sentences as a user gives them to an inferencer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp', '.bmp')


def as_input(image: str | Path | np.ndarray | Image.Image) -> dict:
    """What the pipeline loads: a path, or pixels.

    Args:
        image: A path; an array of uint8, (H, W, 3) in BGR, which is
            MMPretrain's convention, or (H, W) in grey; or an image of
            Pillow.

    Raises:
        DataNotFoundError: If there is no such file.
        DataError: If it is nothing of these.
    """
    if isinstance(image, (str, Path)):
        if not Path(image).is_file():
            raise DataNotFoundError(f'there is no image {image}')
        return dict(img_path=str(image))
    if isinstance(image, Image.Image):
        return dict(img=image)
    found = repr(image)[:60]
    if isinstance(image, np.ndarray):
        found = f'an array {image.shape} of {image.dtype}'
        if image.dtype == np.uint8 and image.ndim == 2:
            return dict(img=image)
        if image.dtype == np.uint8 and image.shape[2:] == (3, ):
            return dict(img=np.ascontiguousarray(image[..., ::-1]))
    raise DataError(
        f'an image is a path, an image of Pillow, or an array of uint8, '
        f'(H, W, 3) in BGR or (H, W) in grey, not {found}')


def check_sentences(sentences: Sequence) -> Sequence:
    """Return them, if each is a text with something in it.

    Raises:
        DataError: Names the first that is not.
    """
    for place, one in enumerate(sentences):
        if not isinstance(one, str) or not one.strip():
            raise DataError(f'sentence {place} is {one!r}: an image goes with '
                            'a question or a description in words')
    return sentences


def paired(images: Any, questions: str | Sequence) -> tuple[list, list]:
    """One image with one question, or as many of both.

    Returns:
        tuple: Two lists of one length.

    Raises:
        DataError: If they are not as many, or a question is empty.
    """
    if not isinstance(images, (list, tuple)):
        images, questions = [images], [questions]
    elif isinstance(questions, str):
        raise DataError(
            f'{len(images)} images with a single question: give a list with '
            'a question for each image')
    if len(images) != len(questions):
        raise DataError(f'{len(images)} images with {len(questions)} '
                        'questions: give a question for each image')
    return list(images), list(check_sentences(questions))


def list_images(prototype: str | Path | Sequence) -> list:
    """The images of a folder, or of a list, which is taken as it is.

    Raises:
        DataNotFoundError: If there are none.
    """
    if not isinstance(prototype, (str, Path)):
        found, where = list(prototype), 'the list'
    else:
        where = prototype
        found = sorted(str(path) for path in Path(prototype).rglob('*')
                       if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataNotFoundError(
            f'there are no images in {where}; known are files that end with '
            f'{", ".join(SUFFIXES)}')
    return found
