"""Reading the vertices of a PLY file, ASCII or binary."""

from pathlib import Path
from typing import BinaryIO, List, NamedTuple, Tuple

import numpy as np

from .errors import DataError

TYPES = dict(
    char='i1', int8='i1', uchar='u1', uint8='u1', short='i2', int16='i2',
    ushort='u2', uint16='u2', int='i4', int32='i4', uint='u4', uint32='u4',
    float='f4', float32='f4', double='f8', float64='f8')
BYTE_ORDERS = dict(
    ascii=None, binary_little_endian='<', binary_big_endian='>')
LONGEST_HEADER = 1000  # lines


class Element(NamedTuple):
    """One table of the file; a property is (name, numpy type or None)."""

    name: str
    count: int
    properties: List[Tuple[str, str]]


def read_header(file: BinaryIO) -> Tuple[str, List[Element]]:
    """Read up to ``end_header``.

    Returns:
        tuple: The format and the elements, in the order of the file.

    Raises:
        DataError: If this is no header of a PLY file.
    """
    if file.readline().strip() != b'ply':
        raise DataError("it does not begin with 'ply'")
    form, elements = '', []
    for _ in range(LONGEST_HEADER):
        words = file.readline().decode('ascii', 'replace').split()
        if words == ['end_header']:
            break
        if words[:1] == ['format']:
            form = words[1]
        elif words[:1] == ['element']:
            elements.append(Element(words[1], int(words[2]), []))
        elif words[:1] == ['property']:
            kind = None if words[1] == 'list' else TYPES[words[1]]
            elements[-1].properties.append((words[-1], kind))
    else:
        raise DataError('its header has no end')
    if form not in BYTE_ORDERS:
        raise DataError(f'it has the format {form!r}, not one of '
                        f'{list(BYTE_ORDERS)}')
    return form, elements


def read_vertices(file: BinaryIO, form: str, vertex: Element) -> np.ndarray:
    """Read the table of vertices, (N, 3) float64."""
    names = [name for name, _ in vertex.properties]
    columns = [names.index(axis) for axis in 'xyz']
    if form == 'ascii':
        rows = [file.readline().split() for _ in range(vertex.count)]
        return np.array([[float(row[c]) for c in columns] for row in rows])
    order = BYTE_ORDERS[form]
    dtype = np.dtype([(f'{i}', order + kind)
                      for i, (_, kind) in enumerate(vertex.properties)])
    content = file.read(dtype.itemsize * vertex.count)
    rows = np.frombuffer(content, dtype, count=vertex.count)
    return np.stack([rows[f'{c}'].astype(float) for c in columns], axis=1)


def read_ply(path: Path) -> np.ndarray:
    """Read the vertices of a PLY file.

    Returns:
        np.ndarray: (N, 3) float64.

    Raises:
        DataError: If it is damaged, has no vertices with x, y and z first in
            the file, or they have properties of varying length.
    """
    with open(path, 'rb') as file:
        try:
            form, elements = read_header(file)
            vertex = elements[0]
            names = [name for name, _ in vertex.properties]
            if vertex.name != 'vertex' or not {'x', 'y', 'z'} <= set(names):
                raise DataError(f'its first element is {vertex.name!r} with '
                                f'{names}, not vertices with x, y and z')
            if None in dict(vertex.properties).values():
                raise DataError('its vertices have lists among their '
                                'properties')
            return read_vertices(file, form, vertex)
        except (ValueError, IndexError, KeyError) as error:
            raise DataError(
                f'{path} cannot be read as PLY: {error}') from error
