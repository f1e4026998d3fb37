"""Writes chosen tensors of files on the hub into one small file."""

import json
import struct
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Tuple

from huggingface_hub.utils import tqdm

from lm4ve_mm.utils.files import replacing
from .ranges import Entry, read_range

# (URL of a file, name of a tensor in it, where it lies there).
Item = Tuple[str, str, Entry]


def _in_order(parts: Mapping[str, Mapping[str, Entry]]) -> List[Item]:
    """Wide types first, which aligns all; as they lie within a type."""
    items = [(url, name, entry) for url, entries in parts.items()
             for name, entry in entries.items()]

    def key(item: Item) -> Tuple[int, str, int]:
        url, _, entry = item
        values = 1
        for extent in entry.shape:
            values *= extent
        return -((entry.end - entry.begin) // max(values, 1)), url, entry.begin

    return sorted(items, key=key)


def _runs(items: List[Item]) -> Iterator[Tuple[str, int, int]]:
    """Neighbouring tensors joined: as few requests as there can be."""
    run = None
    for url, _, entry in items:
        if run and run[0] == url and run[2] == entry.begin:
            run = (url, run[1], entry.end)
        else:
            if run:
                yield run
            run = (url, entry.begin, entry.end)
    if run:
        yield run


def _header(items: List[Item], metadata: Dict[str, str]) -> bytes:
    """Header of a ``.safetensors`` file that holds the items in order."""
    header, offset = {'__metadata__': metadata}, 0
    for _, name, entry in items:
        end = offset + entry.end - entry.begin
        header[name] = dict(
            dtype=entry.dtype,
            shape=list(entry.shape),
            data_offsets=[offset, end])
        offset = end
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    return struct.pack('<Q', len(text)) + text


def write_layer_file(path: Path, parts: Mapping[str, Mapping[str, Entry]],
                     metadata: Dict[str, str], title: str) -> None:
    """Fetch tensors by byte range into a ``.safetensors`` file.

    They keep their names and bytes, so that the family's table is applied
    whenever the file is read, as it is to a whole checkpoint. The file is
    complete or not there.

    Args:
        path: The file to write.
        parts: URL of a file -> name -> where the tensor lies in it.
        metadata: For the file's header.
        title: Beside the progress bar.
    """
    items = _in_order(parts)
    total = sum(entry.end - entry.begin for _, _, entry in items)
    with replacing(path) as temporary, open(temporary, 'wb') as stream, tqdm(
            total=total, unit='B', unit_scale=True, desc=title) as progress:
        stream.write(_header(items, metadata))
        for url, begin, end in _runs(items):
            for chunk in read_range(url, begin, end):
                stream.write(chunk)
                progress.update(len(chunk))
