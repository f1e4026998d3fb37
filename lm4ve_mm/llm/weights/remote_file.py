"""A ``.safetensors`` file on the hub, of which parts are read."""

import json
import re
import time
from collections.abc import Sequence
from typing import Any

from huggingface_hub import constants, errors
from huggingface_hub.utils import (
    build_hf_headers,
    hf_raise_for_status,
    http_stream_backoff,
    tqdm,
)
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from ..errors import CheckpointError
from .quantised import refuse_dtype

# Bytes of one request, and the pauses in seconds before each attempt.
PIECE, PAUSES = 1 << 26, (0.0, 1.0, 3.0, 7.0, 15.0)


class RangeNotServedError(Exception):
    """The server would send the whole file instead of a part of it."""


class RemoteFile:
    """A ``.safetensors`` file on the hub, of which parts are read.

    The hub's own ``parse_safetensors_file_metadata`` compares neither size
    nor ETag, and loads the whole file where ranges are not served.

    Args:
        url: Its address at a commit, where it never changes.
        size: How many bytes it has, as the hub says.

    Attributes:
        header (dict): Name -> ``dtype``, ``shape`` and ``data_offsets``.

    Raises:
        RangeNotServedError: If the server does not send parts.
        CheckpointError: If the header is broken or tells of another size.
    """

    def __init__(self, url: str, size: int) -> None:
        self.url, self._size = url, size
        self._etag: str | None = None
        self._start = 8 + int.from_bytes(self._read(0, 8), 'little')
        if self._start > size:
            raise CheckpointError(
                f'{url} ({size:,} bytes) is no safetensors file')
        try:
            self.header = json.loads(self._read(8, self._start))
            self.header.pop('__metadata__', None)
            needed = self._start + max(
                (held['data_offsets'][1] for held in self.header.values()),
                default=0)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(
                f'{url} has a header that cannot be read: {error!r}'
            ) from error
        if needed != size:
            raise CheckpointError(
                f'{url} has {size:,} bytes, its header tells of {needed:,}: '
                'the upload is damaged, take another revision')

    def _check(self, response: Any, begin: int, end: int) -> None:
        """The answer holds the bytes asked for, of the file seen before."""
        hf_raise_for_status(response)
        asked, head = f'bytes {begin}-{end - 1}', response.headers
        given = head.get('Content-Range')
        if given is None and head.get('Content-Length') == str(end - begin):
            given = f'{asked}/*'  # some mirrors leave the header out
        if response.status_code != 206 or given is None:
            raise RangeNotServedError(self.url)
        part, _, total = given.partition('/')
        if part != asked or not re.fullmatch(r'\d+|\*', total):
            raise CheckpointError(
                f'{self.url}: {asked} were asked for, the server sent '
                f'{given}. A proxy between may be broken; download the model '
                'and give its folder')
        etag = head.get('ETag') or head.get('Last-Modified') or self._etag
        if total not in ('*', str(self._size)) or self._etag not in (
                None, etag):
            raise CheckpointError(
                f'{self.url} changed while it was read, in its size or its '
                'ETag. Run again; if that does not help, a mirror or a proxy '
                'between mixes up files: download the model')
        self._etag = etag

    def _read(self, begin: int, end: int) -> bytes:
        """Bytes ``begin`` to ``end`` (not included), in one request."""
        # The range of a compressed answer would count other bytes.
        headers = build_hf_headers(library_name='lm4ve_mm', headers={
            'Range': f'bytes={begin}-{end - 1}',
            'Accept-Encoding': 'identity'})
        for pause in PAUSES:
            time.sleep(pause)
            try:
                # Streamed: if a whole file is sent, its body is not read.
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
            f'{self.url}: {end - begin:,} bytes were asked for {len(PAUSES)} '
            f'times in a row in vain ({reason}). Run again: the network or '
            'the server failed')

    def tensors(self, names: Sequence[str], title: str) -> dict[str, Tensor]:
        """Fetch tensors, neighbours together, in as few requests as may be.

        Args:
            names: Their names.
            title: What the progress bar is called.

        Raises:
            CheckpointError: If one is not there or quantised, or the server
                or the file is broken.
        """
        for name in names:
            if name not in self.header:
                raise CheckpointError(
                    f'{self.url} does not hold {name}, though the index says '
                    'so; take another revision')
            refuse_dtype(name, self.header[name]['dtype'], self.url)
        part: dict[str, dict] = {}
        spans: list[list[int]] = []
        size = 0
        for (begin, end), name in sorted(
                (self.header[name]['data_offsets'], name) for name in names):
            place = [size, size := size + end - begin]
            part[name] = self.header[name] | {'data_offsets': place}
            if spans and spans[-1][1] == begin:
                spans[-1][1] = end
            else:
                spans.append([begin, end])
        data = bytearray()
        with tqdm(total=size, unit='B', unit_scale=True, desc=title) as bar:
            for first, last in spans:
                for begin in range(first, last, PIECE):
                    end = min(begin + PIECE, last)
                    data += self._read(self._start + begin, self._start + end)
                    bar.update(end - begin)
        # A small file of its own, which safetensors checks on reading.
        text = json.dumps(part).encode()
        try:
            return load(len(text).to_bytes(8, 'little') + text + data)
        except SafetensorError as error:
            raise CheckpointError(
                f'{self.url} has a header whose shapes and sizes differ '
                f'({error}): the upload is damaged, take another revision'
            ) from error
