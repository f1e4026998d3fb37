"""Reading the vertices of a PLY file."""

import io
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .errors import DataError

HEADER = re.compile(rb'ply\r?\n.*?\nend_header[^\n]*\n', re.DOTALL)
FORMAT = re.compile(
    rb'^format (ascii|binary_little_endian|binary_big_endian) ', re.MULTILINE)
REMARKS = re.compile(rb'^(comment|obj_info)[^\n]*\n', re.MULTILINE)
VERTICES = re.compile(rb'^element\s+vertex\s+(\d+)', re.MULTILINE)
SINGLE = re.compile(rb'^(\s*property\s+)float(32)?(\s)', re.MULTILINE)


class Ply(NamedTuple):
    """The vertices of a PLY file; what it lacks is None.

    Args:
        points: (N, 3), of the file's type; float64 from text.
        normals: (N, 3).
        colours: (N, 3), or (N, 4) with alpha, of the file's type.
    """

    points: np.ndarray
    normals: np.ndarray | None
    colours: np.ndarray | None


def _load(path: Path) -> tuple[dict, int]:
    """Let trimesh read a file; gives also how many vertices it announces."""
    from trimesh.exchange.ply import load_ply
    content = path.read_bytes()
    found = HEADER.match(content)
    if found is None:
        raise ValueError("it does not begin with 'ply' and a header that ends "
                         "with 'end_header'")
    # Trimesh wants the format in the second line.
    header, body = REMARKS.sub(b'', found[0]), content[found.end():]
    form, count = FORMAT.search(header), VERTICES.search(header)
    if form is None or count is None:
        raise ValueError('its header names no vertices, or none of the '
                         'formats of PLY')
    if form[1] == b'ascii':
        # Text may have more digits than the type that the header names.
        header = SINGLE.sub(rb'\1double\3', header)
    content = io.BytesIO(header + body)
    return (load_ply(content, fix_texture=False, skip_materials=True),
            int(count[1]))


def read_ply(path: Path) -> Ply:
    """Read points, normals and colours, ASCII or binary, with trimesh.

    Raises:
        DataError: If the file is damaged, has no vertices with x, y and z,
            or is binary with faces of different numbers of corners.
    """
    try:
        found, count = _load(path)
        points = np.asarray(found['vertices'])
    # Trimesh has no error class of its own for damaged files.
    except Exception as error:
        raise DataError(
            f'{path} cannot be read as PLY: {error!r}. Is it cut off, or, if '
            'binary, does it have faces of different numbers of corners? '
            'Then save the points alone') from error
    if points.shape != (count, 3) or points.dtype.kind not in 'fiu':
        raise DataError(f'{path} cannot be read as PLY: it announces {count} '
                        f'vertices, but {points.shape} were read')
    return Ply(points, found.get('vertex_normals'),
               found.get('vertex_colors'))
