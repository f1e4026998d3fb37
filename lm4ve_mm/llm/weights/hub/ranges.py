"""Byte ranges of a file on the hub."""

import json
import re
import struct
import time
from dataclasses import dataclass
from typing import Dict, Iterator, Tuple

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (build_hf_headers, hf_raise_for_status,
                                   http_stream_backoff)

from ...errors import CheckpointError
from .explain import TransportError

# Fruitless attempts to go on after a connection broke, and the first pause.
RETRIES, PAUSE = 5, 1.0
# Most headers are smaller; longer ones take a second request.
_FIRST = 1 << 16
_CONTENT_RANGE = re.compile(r'bytes (\d+)-(\d+)/(\d+|\*)')


class RangeNotServedError(Exception):
    """The server would send the whole file instead of a part of it."""


@dataclass(frozen=True)
class Entry:
    """One tensor in a ``.safetensors`` file.

    Args:
        dtype: As the format writes it, such as ``F16``.
        shape: Its extents.
        begin, end: Where its bytes lie in the file, ``end`` not included.
    """

    dtype: str
    shape: Tuple[int, ...]
    begin: int
    end: int


def _headers(begin: int, end: int) -> Dict[str, str]:
    # A compressed answer would be a range of other bytes.
    more = {'Range': f'bytes={begin}-{end - 1}', 'Accept-Encoding': 'identity'}
    return build_hf_headers(library_name='lm4ve_mm', headers=more)


def _check_answer(response, url: str, begin: int, end: int) -> None:
    """The answer holds bytes from ``begin`` on, none after ``end``."""
    hf_raise_for_status(response)
    if response.status_code != 206:
        raise RangeNotServedError(url)
    given = response.headers.get('Content-Range', '')
    found = _CONTENT_RANGE.fullmatch(given)
    if not found or int(found[1]) != begin or int(found[2]) >= end:
        raise CheckpointError(
            f'{url}: bytes {begin}-{end - 1} were asked for, the server sent '
            f'{given or "a part without Content-Range"}. A proxy between may '
            'be broken; download the model and give its folder')


def _read_once(url: str, begin: int, end: int) -> Iterator[bytes]:
    """What one request gives of the range, perhaps not all of it.

    The token goes to the hub alone: the HTTP library drops it where the hub
    redirects to another host, which serves the bytes by a signed address.
    """
    with http_stream_backoff(
            'GET',
            url,
            headers=_headers(begin, end),
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            follow_redirects=True,
            retry_on_exceptions=()) as response:
        _check_answer(response, url, begin, end)
        for chunk in response.iter_bytes():
            yield chunk[:end - begin]
            begin += len(chunk)


def read_range(url: str, begin: int, end: int) -> Iterator[bytes]:
    """Bytes ``begin`` to ``end`` (not included), a piece at a time.

    Where the connection breaks, the rest is asked for again.

    Raises:
        RangeNotServedError: If the server does not send parts; nothing of
            the whole has been read then.
        CheckpointError: If it sends another part, or keeps breaking off.
        HfHubHTTPError: If it refuses.
    """
    fruitless = 0
    while begin < end:
        before, reason = begin, 'the answer ended early'
        try:
            for chunk in _read_once(url, begin, end):
                begin += len(chunk)
                yield chunk
        except HfHubHTTPError:  # an answer, and a TransportError too
            raise
        except TransportError as error:
            reason = str(error)
        if begin >= end:
            return
        fruitless = 0 if begin > before else fruitless + 1
        if fruitless == RETRIES:
            raise CheckpointError(
                f'{url}: {reason}, {RETRIES} times in a row with '
                f'{end - begin:,} bytes still to come. Run again: the network '
                'or the server failed')
        time.sleep(PAUSE * 2**fruitless if fruitless else 0)


def _whole(url: str, begin: int, end: int) -> bytes:
    return b''.join(read_range(url, begin, end))


def read_entries(url: str, size: int) -> Dict[str, Entry]:
    """Where the tensors of a ``.safetensors`` file on the hub lie.

    Args:
        url: Of the file.
        size: How many bytes it has, as the hub says.

    Raises:
        CheckpointError: If the header is broken or tells of another size.
        RangeNotServedError: See :func:`read_range`.
    """
    start = _whole(url, 0, min(_FIRST, size))
    length = struct.unpack('<Q', start[:8])[0] if size >= 8 else size
    if length > size - 8:
        raise CheckpointError(f'{url} ({size:,} bytes) is no safetensors file')
    text = start[8:8 + length]
    if len(text) < length:
        text += _whole(url, len(start), 8 + length)
    try:
        header = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f'{url} has a header that is not JSON ({error})') from error
    header.pop('__metadata__', None)
    entries = {}
    for name, held in header.items():
        begin, end = (8 + length + offset for offset in held['data_offsets'])
        entries[name] = Entry(held['dtype'], tuple(held['shape']), begin, end)
    needed = max((entry.end for entry in entries.values()), default=8 + length)
    if needed != size:
        raise CheckpointError(
            f'{url} has {size:,} bytes, its header tells of {needed:,}: the '
            'upload is damaged, take another revision')
    return entries
