"""Clouds of a user's own, in each format, whole and broken."""

import io
import pickle

import h5py
import numpy as np
import pytest
from lm4ve_point_cloud.datasets import DataError, DataNotFoundError
from lm4ve_point_cloud.datasets.read_cloud import READERS, read_cloud

CLOUD = np.random.default_rng(0).normal(size=(20, 3)).round(4).astype('f4')
WITH_NORMALS = np.concatenate([CLOUD, CLOUD[::-1]], axis=1)


def npy(points):
    file = io.BytesIO()
    np.save(file, points)
    return file.getvalue()


def table(points, delimiter):
    file = io.StringIO()
    np.savetxt(file, points, '%.6f', delimiter, header='x y z')
    return file.getvalue().encode()


def ply(form, rows, properties, before='', after=''):
    """A PLY file whose vertices are ``rows``, of numpy's structured type."""
    lines = ['ply', f'format {form} 1.0', 'comment by a test', before,
             f'element vertex {len(rows)}', *properties, after, 'end_header']
    header = '\n'.join(line for line in lines if line).encode() + b'\n'
    if form == 'ascii':
        text = '\n'.join(' '.join(f'{value:.6f}' for value in row)
                         for row in rows.tolist())
        return header + text.encode() + b'\n3 0 1 2\n'
    order = '<' if 'little' in form else '>'
    return header + rows.astype(rows.dtype.newbyteorder(order)).tobytes()


def coloured(scalar):
    """Vertices with a colour before and a normal after x, y and z."""
    rows = np.zeros(20, [('red', 'u1'), ('x', scalar), ('y', scalar),
                         ('z', scalar), ('nx', 'f4')])
    rows['red'] = np.arange(20)
    for axis, values in zip('xyz', CLOUD.T):
        rows[axis] = values
    word = dict(f4='float', f8='double')[scalar]
    return rows, ['property uchar red', *(f'property {word} {axis}'
                                          for axis in 'xyz'),
                  'property float32 nx']


FACES = 'element face 1\nproperty list uchar int vertex_indices'
FILES = {
    'a.npy': npy(CLOUD),
    'normals.npy': npy(WITH_NORMALS),
    'float64.npy': npy(CLOUD.astype(float)),
    'one_of_one.npy': npy(CLOUD[None]),
    'commas.txt': table(WITH_NORMALS, ','),
    'blanks.xyz': table(CLOUD, ' '),
    'commas_blanks.CSV': table(CLOUD, ', '),
    'ascii.ply': ply('ascii', *coloured('f4'), after=FACES),
    'little.ply': ply('binary_little_endian', *coloured('f4'), after=FACES),
    'big.ply': ply('binary_big_endian', *coloured('f8')),
}


@pytest.mark.parametrize('name', FILES)
def test_every_format(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    points = read_cloud(tmp_path / name)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, CLOUD, atol=1e-6)


@pytest.mark.parametrize('name', ['many.h5', 'many.hdf5', 'many.npy'])
def test_one_of_several(tmp_path, name):
    several = np.stack([CLOUD + i for i in range(4)])
    path = tmp_path / name
    if name.endswith('.npy'):
        path.write_bytes(npy(several))
    else:
        with h5py.File(path, 'w') as file:
            file['data'] = several
    assert np.array_equal(read_cloud(path, 2), several[2])
    for index in (None, 4, -1):
        with pytest.raises(DataError, match='holds 4 clouds: say which with '
                           rf'an index within 0\.\.3, not {index}'):
            read_cloud(path, index)


def test_formats_have_readers():
    assert {name[name.index('.'):].lower() for name in FILES} | {
        '.h5', '.hdf5'} == set(READERS)


vertex = ply('binary_little_endian', *coloured('f4'))
BROKEN = {
    'none.npy': (None, 'there is no file'),
    'a.obj': (b'v 0 0 0', r'read from .npy .ply .*, not .obj'),
    'a': (b'', 'not a file without a suffix'),
    'short.npy': (npy(CLOUD)[:-7], 'cannot be read as an array'),
    'objects.npy': (npy(CLOUD)[:8] + pickle.dumps(CLOUD),
                    'cannot be read as an array'),
    'empty.npy': (b'', 'cannot be read as an array'),
    'flat.npy': (npy(CLOUD[0]), r'holds \(3,\) float32, not points'),
    'narrow.npy': (npy(CLOUD[:, :2]), r'holds \(20, 2\)'),
    'nothing.npy': (npy(CLOUD[:0]), r'holds \(0, 3\)'),
    'words.npy': (npy(np.array([['a', 'b', 'c']])), r'holds \(1, 3\) <U1'),
    'nan.npy': (npy(np.where(np.arange(20)[:, None] % 7 == 3, np.nan, CLOUD)),
                '3 of 20 points have coordinates that are not finite'),
    'infinite.txt': (b'1 2 inf\n1 2 3', '1 of 2 points'),
    'ragged.txt': (b'1 2 3\n1 2\n', 'is no table of numbers'),
    'words.txt': (b'a b c\n', 'is no table of numbers'),
    'cut.ply': (vertex[:-5], 'cannot be read as PLY: buffer is smaller'),
    'cut_ascii.ply': (ply('ascii', *coloured('f4'))[:-40],
                      'cannot be read as PLY'),
    'headless.ply': (vertex[3:], "it does not begin with 'ply'"),
    'endless.ply': (b'ply\nformat ascii 1.0\n', 'its header has no end'),
    'unknown.ply': (vertex.replace(b'little', b'middle'),
                    "format 'binary_middle_endian', not one of"),
    'plane.ply': (vertex.replace(b'float z', b'float w'),
                  'not vertices with x, y and z'),
    'faces.ply': (vertex.replace(b'vertex', b'face'), "first element is 'face"
                  "' .* not vertices"),
    'lists.ply': (vertex.replace(b'uchar red', b'list uchar int red'),
                  'its vertices have lists'),
    'type.ply': (vertex.replace(b'uchar red', b'colour red'),
                 "cannot be read as PLY: 'colour'"),
    'text.h5': (b'no HDF5', 'cannot be read as HDF5'),
}


@pytest.mark.parametrize('name', BROKEN)
def test_broken_files(tmp_path, name):
    content, message = BROKEN[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, DataNotFoundError), match=message) as error:
        read_cloud(tmp_path / name)
    assert name in str(error.value)


def test_other_keys(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['points'] = CLOUD
    with pytest.raises(DataError, match=r"lacks 'data': it has \['points'\]"):
        read_cloud(tmp_path / 'a.h5')


def test_needless_index(tmp_path):
    (tmp_path / 'a.npy').write_bytes(npy(CLOUD))
    with pytest.raises(DataError, match='holds one cloud: leave out index=1'):
        read_cloud(tmp_path / 'a.npy', 1)
