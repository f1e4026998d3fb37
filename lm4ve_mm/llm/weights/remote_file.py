"""A ``.safetensors`` file on the hub, of which parts are read."""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from huggingface_hub import constants, errors
from huggingface_hub.utils import (
    build_hf_headers,
    hf_raise_for_status,
    http_stream_backoff,
)
from torch import Tensor

from ..errors import CheckpointError
from .quantised import FLOATS

# Bytes of one request, how often it is made in vain, and the first pause.
PIECE, RETRIES, PAUSE = 1 << 26, 5, 1.0


class RangeNotServedError(Exception):
    """The server would send the whole file instead of a part of it."""


class Place(NamedTuple):
    """Type, shape and bytes of a tensor in a file, ``end`` not included."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class RemoteFile:
    """A ``.safetensors`` file on the hub, of which parts are read.

    Args:
        url: Its address at a commit, where it never changes.
        size: How many bytes it has, as the hub says.
    """

    def __init__(self, url: str, size: int) -> None:
        self.url, self._size = url, size
        self._etag: str | None = None

    def _check(self, response: Any, begin: int, end: int) -> None:
        """The answer holds the bytes asked for, of the file seen before."""
        hf_raise_for_status(response)
        asked, head = f'bytes {begin}-{end - 1}', response.headers
        given = head.get('Content-Range')
        if given is None and head.get('Content-Length') == str(end - begin):
            given = f'{asked}/*'  # some mirrors leave the header out
        if response.status_code != 206 or given is None:
            raise RangeNotServedError(self.url)
        if not re.fullmatch(re.escape(asked) + r'/(\d+|\*)', given):
            raise CheckpointError(
                f'{self.url}: {asked} were asked for, the server sent '
                f'{given}. A proxy between may be broken; download the model '
                'and give its folder')
        total = given.partition('/')[2]
        etag = head.get('ETag') or head.get('Last-Modified') or self._etag
        if total not in ('*', str(self._size)) or self._etag not in (
                None, etag):
            raise CheckpointError(
                f'{self.url} changed while it was read, in its size or its '
                'ETag. Run again; if that does not help, a mirror or a proxy '
                'between mixes up files: download the model')
        self._etag = etag

    def read(self, begin: int, end: int) -> bytes:
        """Bytes ``begin`` to ``end`` (not included), in one request.

        Raises:
            RangeNotServedError: If the server does not send parts.
            CheckpointError: If it sends another part or another file, or
                keeps breaking off.
        """
        # A compressed answer would be a range of other bytes.
        headers = build_hf_headers(library_name='lm4ve_mm', headers={
            'Range': f'bytes={begin}-{end - 1}',
            'Accept-Encoding': 'identity'})
        for attempt in range(RETRIES):
            time.sleep(PAUSE * 2**attempt - PAUSE)
            try:
                with http_stream_backoff(
                        'GET', self.url, headers=headers,
                        timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
                        follow_redirects=True,
                        retry_on_exceptions=()) as response:
                    self._check(response, begin, end)
                    data = response.read()
                if len(data) == end - begin:
                    return data
                reason = f'{len(data):,} bytes came'
            except errors.HfHubHTTPError:  # an answer, and an HTTPError too
                raise
            except errors.HTTPError as error:
                reason = str(error)
        raise CheckpointError(
            f'{self.url}: {end - begin:,} bytes were asked for {RETRIES} '
            f'times in a row in vain ({reason}). Run again: the network or '
            'the server failed')

    def places(self) -> dict[str, Place]:
        """Where each tensor lies.

        The hub's own ``parse_safetensors_file_metadata`` tells neither the
        header's length nor the ETag, which show damaged and changed files.

        Raises:
            CheckpointError: If the header is broken or tells of another size.
        """
        size = self._size
        start = 8 + int.from_bytes(self.read(0, min(8, size)), 'little')
        if size < 8 or start > size:
            raise CheckpointError(
                f'{self.url} ({size:,} bytes) is no safetensors file')
        text = self.read(8, start)
        try:
            header = json.loads(text)
            header.pop('__metadata__', None)
            places = {
                name: Place(held['dtype'], tuple(held['shape']), *(
                    start + offset for offset in held['data_offsets']))
                for name, held in header.items()
            }
            needed = max((place.end for place in places.values()),
                         default=start)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f'{self.url} has a header that cannot be '
                                  f'read ({error!r})') from error
        if needed != size:
            raise CheckpointError(
                f'{self.url} has {size:,} bytes, its header tells of '
                f'{needed:,}: the upload is damaged, take another revision')
        return places

    def tensors(self, places: Mapping[str, Place],
                progress: Any) -> Iterator[tuple[str, Tensor]]:
        """Fetch tensors, neighbours together, in as few requests as may be."""
        waiting = sorted(places, key=lambda name: places[name].begin)
        while waiting:
            first = places[waiting[0]]
            run, end = [], first.begin
            while waiting and places[waiting[0]].begin == end:
                run.append(waiting.pop(0))
                end = places[run[-1]].end
            data = bytearray()
            for begin in range(first.begin, end, PIECE):
                data += self.read(begin, min(begin + PIECE, end))
                progress.update(min(begin + PIECE, end) - begin)
            for name in run:
                place = places[name]
                held = data[place.begin - first.begin:place.end - first.begin]
                yield name, self._tensor(held, place)

    def _tensor(self, data: bytearray, place: Place) -> Tensor:
        """The tensor at the start of ``data``, in memory of its own."""
        dtype = FLOATS[place.dtype]
        if len(data) != math.prod(place.shape) * dtype.itemsize:
            raise CheckpointError(
                f'{self.url} has a header whose shapes and sizes differ: the '
                'upload is damaged, take another revision')
        values = torch.frombuffer(data, dtype=dtype) if data else torch.empty(
            0, dtype=dtype)
        return values.reshape(place.shape)
