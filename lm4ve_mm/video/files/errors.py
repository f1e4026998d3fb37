"""What can go wrong with videos and their lists, each with its own name."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager


class VideoNotFoundError(FileNotFoundError):
    """No video, or no list of videos, where the configuration says."""


class VideoError(ValueError):
    """A video that is there but cannot be decoded."""


class CodecNotFoundError(RuntimeError):
    """A video that may be whole, but nothing here can decode its codec.

    This is not a :class:`VideoError`: training must not go on without all
    videos of one codec as if they were damaged.
    """


class AnnotationError(ValueError):
    """A list of videos that is there but does not hold what it should."""


def _decord_errors() -> tuple[type[Exception], ...]:
    from decord import DECORDError
    return DECORDError, RuntimeError, IndexError


def _pyav_errors() -> tuple[type[Exception], ...]:
    from av import FFmpegError
    return FFmpegError, IndexError


# What the machine refuses says nothing about the video.
REFUSALS = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO,
            errno.ENOMEM)
ERRORS = dict(decord=_decord_errors, pyav=_pyav_errors)


@contextmanager
def naming(path: str, backend: str) -> Iterator[None]:
    """Turn the errors of a decoder into :class:`VideoError`.

    Decord's messages may hold the bytes of the file, hence cut short.

    Raises:
        VideoError: If the video cannot be decoded.
        OSError: If it cannot be read at all: no permission, too many open
            files, an error of the disk, no memory. Decord does not tell, so
            the file is opened once more to see.
    """
    try:
        yield
    except ERRORS[backend]() as error:
        code = getattr(error, 'errno', None)
        if code in REFUSALS:
            raise OSError(code, os.strerror(code), path) from error
        with open(path, 'rb') as file:
            file.read(1)
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise VideoError(f'{backend} cannot decode the video {path}: it is '
                         f'empty or damaged ({first[:150]})') from error
