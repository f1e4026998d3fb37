"""ImageNet out of its archives, without unpacking them."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mmengine.fileio import BaseStorageBackend, register_backend

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

PREFIX = 'tar'


class Member(NamedTuple):
    """A file in an archive.

    Args:
        name: With the names of inner archives in front, without ``.tar``.
        offset: Of its first byte in the outer archive.
        size: In bytes.
    """

    name: str
    offset: int
    size: int


def list_members(archive: str | Path) -> Iterator[Member]:
    """List the files of an archive and of uncompressed archives in it.

    ImageNet's training archive holds one archive a class.

    Raises:
        DataNotFoundError: If the archive is absent.
        DataError: If it is compressed, cut off or no archive.
    """
    if not Path(archive).is_file():
        raise DataNotFoundError(f'there is no archive {archive}')
    try:
        with open(archive, 'rb') as file:
            yield from _members(file, 0, '')
    except tarfile.TarError as error:
        raise DataError(
            f'{archive} cannot be read as a tar archive ({error}): it is cut '
            'off, or compressed, which could only be read from the start each '
            'time (gunzip it)') from error


def _members(file, start: int, above: str) -> Iterator[Member]:
    file.seek(start)
    with tarfile.open(fileobj=file, mode='r:') as archive:
        entries = [(entry.name, entry.offset_data, entry.size)
                   for entry in archive if entry.isfile()]
    for name, offset, size in entries:
        if name.endswith('.tar'):
            inner = above + name.removesuffix('.tar') + '/'
            yield from _members(file, offset, inner)
        else:
            yield Member(above + name.removeprefix('./'), offset, size)


def address(archive: str | Path, member: Member) -> str:
    """The path by which :class:`TarBackend` finds a member at once."""
    return (f'{PREFIX}://{os.path.abspath(archive)}'
            f'!{member.offset}+{member.size}!{member.name}')


@register_backend(PREFIX, prefixes=PREFIX)
class TarBackend(BaseStorageBackend):
    """Reads files that :func:`address` names.

    The address holds place and size, so that no process keeps an index, and
    every read opens the archive anew, so that workers do not share a
    position.
    """

    def get(self, filepath: str) -> bytes:
        """The bytes of a member.

        Raises:
            DataError: If the archive ends before the member does.
        """
        archive, place, name = filepath.removeprefix(f'{PREFIX}://').split(
            '!', 2)
        offset, size = map(int, place.split('+'))
        with open(archive, 'rb') as file:
            file.seek(offset)
            content = file.read(size)
        if len(content) != size:
            raise DataError(f'{archive} ends before {name}: it is cut off, or '
                            'was replaced while it was in use')
        return content

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        """The text of a member."""
        return self.get(filepath).decode(encoding)
