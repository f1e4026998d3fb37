"""Clouds of a user's own, in each format, whole and broken."""

import io
import pickle
import struct

import h5py
import numpy as np
import pytest
from lm4ve_point_cloud.datasets import (
    DataError,
    DataNotFoundError,
    FarthestPointSample,
    NormalizeCloud,
)
from lm4ve_point_cloud.datasets.read_cloud import READERS, read_cloud

from lm4ve_mm.utils.ply import read_ply

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
    'remark.ply': ply('ascii', *coloured('f4')).replace(
        b'ply\n', b'ply\ncomment first\nobj_info second\n'),
}


@pytest.mark.parametrize('name', FILES)
def test_every_format(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    points = read_cloud(tmp_path / name)
    assert points.dtype == np.float64
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
    'cut.ply': (vertex[:-5], 'cannot be read as PLY'),
    'cut_ascii.ply': (ply('ascii', *coloured('f4'))[:-40],
                      'cannot be read as PLY'),
    'headless.ply': (vertex[3:], "it does not begin with 'ply'"),
    'endless.ply': (b'ply\nformat ascii 1.0\n', 'a header that ends with'),
    'plane.ply': (vertex.replace(b'float z', b'float w'),
                  'cannot be read as PLY'),
    'faces.ply': (vertex.replace(b'vertex', b'face'), 'names no vertices'),
    'unknown.ply': (vertex.replace(b'little', b'middle'),
                    'none of the formats of PLY'),
    'type.ply': (vertex.replace(b'uchar red', b'colour red'),
                 'cannot be read as PLY'),
    'text.h5': (b'no HDF5', 'cannot be read as HDF5'),
    'decimal.txt': (b'0,12 -0,5 0,3\n0,1 0,2 0,3\n',
                    "has decimal commas, as in '0,12 -0,5 0,3': write"),
    'decimal.csv': (b'0,12;-0,5;0,3\n', 'has decimal commas'),
    'zeros.csv': (b'1,20,2,50,3,40\n1,05,2,50,-0,5\n', 'has decimal commas'),
    'exponent.xyz': (b'1,2e-3\t0,5\t1\n', 'has decimal commas'),
    'header.csv': (b'a,b,c\n1,2,3\n', 'is no table of numbers: its first'),
    'lacking.csv': (b'id,x,y\n1,2,3\n', 'not each of x, y and z once'),
    'narrow.csv': (b'a,x,y,z\n1,2,3\n', '3 columns, fewer than its header'),
    'coarse.npy': (npy((CLOUD + [5e5, 5.4e6, 300]).astype('f4')),
                   'stores coordinates of up to 5.4e.06 as float32, which'),
}


@pytest.mark.parametrize('name', BROKEN)
def test_broken_files(tmp_path, name):
    content, message = BROKEN[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, DataNotFoundError), match=message) as error:
        read_cloud(tmp_path / name)
    assert name in str(error.value)


FAR = np.array([500000., 5.4e6, 300.])


def far(axes):
    """Vertices as floats of 8 bytes, far from the origin."""
    rows = np.zeros(len(axes), [(axis, 'f8') for axis in 'xyz'])
    for axis, values in zip('xyz', axes.T):
        rows[axis] = values
    return rows, [f'property double {axis}' for axis in 'xyz']


def h5(points):
    file = io.BytesIO()
    with h5py.File(file, 'w') as content:
        content['data'] = points
    return file.getvalue()


MOVED = CLOUD.astype(float) + FAR
FAR_FILES = {
    'far.npy': npy(MOVED),
    'far.h5': h5(MOVED),
    'far.txt': table(MOVED, ' '),
    'far.csv': table(MOVED, ','),
    'text.ply': ply('ascii', *far(MOVED)).replace(b'double', b'float'),
    'little.ply': ply('binary_little_endian', *far(MOVED)),
    'big.ply': ply('binary_big_endian', *far(MOVED)),
}


@pytest.mark.parametrize('name', FAR_FILES)
def test_far_clouds_keep_their_shape(tmp_path, name):
    """At UTM coordinates float32 knows multiples of 0.5 only."""
    (tmp_path / name).write_bytes(FAR_FILES[name])
    points = read_cloud(tmp_path / name)
    np.testing.assert_allclose(points, MOVED, rtol=0, atol=1e-6)
    found = NormalizeCloud()(dict(points=points))['points']
    near = NormalizeCloud()(dict(points=CLOUD))['points']
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, near, atol=1e-6)
    with pytest.raises(DataError, match=r'up to 5\.4e\+06 would lose their '
                       'shape in float32: centre the cloud first'):
        FarthestPointSample(4)(dict(points=points))


@pytest.mark.parametrize('text', [
    'x,y,z\n{}', '"X","Y","Z"\n{}', '//X Y Z\n{}', '# x y z\n{}',
    '# made by hand\n{}', '\ufeffx,y,z\n{}'])
def test_headers_are_skipped(tmp_path, text):
    path = tmp_path / 'a.csv'
    rows = '\n'.join(','.join(map(str, row)) for row in CLOUD)
    path.write_text(text.format(rows), encoding='utf-8')
    np.testing.assert_allclose(read_cloud(path), CLOUD)


def test_a_header_names_the_columns(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_text('red,z,y,x,label\n9,3,2,1,chair\n'.replace('chair', '7')
                    + '8,6,5,4,7\n')
    assert read_cloud(path).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_tables_of_integers(tmp_path):
    """Voxels with colours are no decimal commas."""
    path = tmp_path / 'a.csv'
    path.write_text('10,0,-3,255,128,0\n4,5,100,0,0,7\n')
    assert read_cloud(path).tolist() == [[10, 0, -3], [4, 5, 100]]


@pytest.mark.parametrize('form', [
    'ascii', 'binary_little_endian', 'binary_big_endian'])
def test_colours_and_normals_of_ply(tmp_path, form):
    kinds = [*((axis, 'f4') for axis in ('x', 'y', 'z', 'nx', 'ny', 'nz')),
             ('red', 'u1'), ('green', 'u1'), ('blue', 'u1'), ('quality', 'f8')]
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, 250, (20, len(kinds)))
    rows = np.array([tuple(row) for row in numbers.tolist()], kinds)
    words = dict(f4='float', u1='uchar', f8='double')
    content = ply(form, rows, [f'property {words[kind]} {name}'
                               for name, kind in kinds])
    if form == 'ascii':
        content = content.replace(b'.000000', b'')
    (tmp_path / 'a.ply').write_bytes(content)
    found = read_ply(tmp_path / 'a.ply')
    assert np.array_equal(found.points, numbers[:, :3])
    assert np.array_equal(found.normals, numbers[:, 3:6])
    assert np.array_equal(found.colours, numbers[:, 6:9])
    assert found.colours.dtype == np.uint8
    (tmp_path / 'b.ply').write_bytes(ply('ascii', *far(CLOUD)))
    assert read_ply(tmp_path / 'b.ply')[1:] == (None, None)


def test_a_ply_with_faces(tmp_path):
    """Triangles between or after the vertices, as meshes have them."""
    rows, properties = far(CLOUD)
    content = ply('binary_little_endian', rows, properties, after=FACES)
    (tmp_path / 'a.ply').write_bytes(content + struct.pack('<B3i', 3, 0, 1, 2))
    np.testing.assert_allclose(read_cloud(tmp_path / 'a.ply'), CLOUD)
    mixed = content.replace(b'face 1', b'face 2') + struct.pack(
        '<B3iB4i', 3, 0, 1, 2, 4, 0, 1, 2, 3)
    (tmp_path / 'b.ply').write_bytes(mixed)
    with pytest.raises(DataError, match='faces of different numbers of cor'):
        read_cloud(tmp_path / 'b.ply')


def test_a_group_is_no_array(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['data/points'] = CLOUD
    with pytest.raises(DataError, match=r"'data' of .*a.h5 is a group of "
                       r"\['points'\], not an array"):
        read_cloud(tmp_path / 'a.h5')


def test_other_keys(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        file['points'] = CLOUD
    with pytest.raises(DataError, match=r"lacks 'data': it has \['points'\]"):
        read_cloud(tmp_path / 'a.h5')


def test_needless_index(tmp_path):
    (tmp_path / 'a.npy').write_bytes(npy(CLOUD))
    with pytest.raises(DataError, match='holds one cloud: leave out index=1'):
        read_cloud(tmp_path / 'a.npy', 1)
