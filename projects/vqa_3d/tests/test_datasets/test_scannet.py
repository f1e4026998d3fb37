"""From raw scans to the prepared layout, and the tool that does it."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from lm4ve_vqa3d.datasets import scannet
from lm4ve_vqa3d.datasets.room_scene import make_room, write_raw, write_room
from lm4ve_vqa3d.datasets.scannet import FILES, prepare, read_vertices
from lm4ve_vqa3d.datasets.scene import SceneFolder, read_alignment

from lm4ve_mm.utils.errors import DataError, DataNotFoundError

TOOL = Path(__file__).parents[2] / 'tools/prepare_scannet.py'
NAMES = dict(wall=1, floor=2, chair=5, sofa=6, table=7, bed=4, door=8,
             window=9, bookshelf=10, picture=11, curtain=16, refrigerator=24)


@pytest.fixture(scope='module')
def scans(tmp_path_factory):
    """Two rooms as ScanNet delivers them, and prepared by the generator."""
    root = tmp_path_factory.mktemp('raw')
    for number in range(2):
        room = make_room(f'scene000{number}_00',
                         np.random.default_rng(number))
        write_raw(root, room, np.random.default_rng(7))
        write_room(root / 'known', room, np.random.default_rng(7))
    rows = [f'{row}\t{name}\t{label}'
            for row, (name, label) in enumerate(NAMES.items())]
    (root / scannet.LABELS).write_text(
        '\n'.join(['id\traw_category\tnyu40id', *rows]))
    return root


def call(monkeypatch, capsys, *words):
    """Run the tool in this process: its exit status and what it printed."""
    monkeypatch.setattr(sys, 'argv', [TOOL.name, *map(str, words)])
    status = 0
    try:
        runpy.run_path(str(TOOL), run_name='__main__')
    except SystemExit as end:
        status = end.code or 0
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def test_prepared_as_the_generator_says(scans):
    """The same room, by both ways."""
    found = prepare(scans / 'scans/scene0000_00', NAMES)
    known = SceneFolder(scans / 'known/scannet_data', scans / 'scans')[
        'scene0000_00']
    np.testing.assert_allclose(found.aligned_vert, known.vertices, atol=2e-6)
    assert (found.sem_label == known.labels).all()
    objects = known.instances > 0
    assert (found.ins_label[objects] == known.instances[objects]).all()
    np.testing.assert_allclose(
        found.aligned_bbox, known.boxes, atol=2e-6)
    assert len(found.bbox) == 2
    # Turned boxes are larger, or the room stands straight.
    assert (found.bbox[:, 3:5].prod(1)
            > found.aligned_bbox[:, 3:5].prod(1) * .5).all()


def test_cap_is_seeded_by_scene(scans, monkeypatch):
    whole = prepare(scans / 'scans/scene0000_00', NAMES)
    monkeypatch.setattr(scannet, 'MAX_POINTS', 500)
    one, again, other = (prepare(scans / 'scans/scene0000_00', NAMES, seed)
                         for seed in (0, 0, 1))
    assert one.vert.shape == (500, 9)
    assert (one.vert == again.vert).all()
    assert (one.vert != other.vert).any()
    # Boxes are of all points.
    assert (one.aligned_bbox == whole.aligned_bbox).all()


def test_tool(scans, tmp_path, monkeypatch, capsys):
    """Prepares what is missing; a broken scan is named, the rest is done."""
    out = tmp_path / 'out'
    status, text = call(monkeypatch, capsys, scans / 'scans', '--out', out,
                        '--scenes', 'scene0000_00')
    assert status == 0 and '1 scenes prepared, 0 were there' in text
    kept = {what: (out / f'scene0000_00_{what}.npy').stat().st_mtime_ns
            for what in FILES}
    broken = tmp_path / 'scans'
    shutil.copytree(scans / 'scans', broken)
    (broken / 'scene0001_00/scene0001_00.aggregation.json').write_text('{}')
    status, text = call(monkeypatch, capsys, broken, '--out', out, '--labels',
                        scans / scannet.LABELS)
    assert '0 scenes prepared, 1 were there, 1 failed' in text
    assert "scene0001_00.aggregation.json has no list 'segGroups'" in status
    assert kept == {what: (out / f'scene0000_00_{what}.npy').stat().st_mtime_ns
                    for what in FILES}
    assert not list(out.glob('scene0001*'))


@pytest.mark.parametrize('words, message', [
    (('nowhere', '--out', 'x'), 'there is no folder nowhere'),
    (('.', '--out', 'x', '--labels', 'y'), 'there is no <scene>/<scene>_vh'),
])
def test_tool_misused(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, text = call(monkeypatch, capsys, *words)
    assert status == 2 and message in text


def test_no_labels(scans, tmp_path, monkeypatch, capsys):
    status, text = call(monkeypatch, capsys, scans / 'scans', '--out',
                        tmp_path, '--labels', tmp_path / 'no.tsv')
    assert status == 2 and 'maps the names of things to labels' in text


def test_alignment(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('lm4ve_vqa3d.datasets.scene.print_log',
                        lambda text, **_: said.append(text))
    file = tmp_path / 'a.txt'
    with pytest.raises(DataNotFoundError, match='which holds the alignment'):
        read_alignment(file)
    file.write_text('colorHeight = 968\n')
    assert (read_alignment(file) == np.eye(4)).all()
    assert 'a.txt has no line axisAlignment' in said[0]
    for line, message in (('1 2 3', 'should be 16 numbers'),
                          ('2 ' * 16, 'is no rigid motion'),
                          ('nan ' * 16, 'is no rigid motion')):
        file.write_text(f'axisAlignment = {line}\n')
        with pytest.raises(DataError, match=message):
            read_alignment(file)


def write_ply(path, rows, colours=True):
    names = ['x', 'y', 'z'] + ['red', 'green', 'blue'] * colours
    path.write_text('\n'.join([
        'ply', 'format ascii 1.0', f'element vertex {len(rows)}',
        *(f'property {"uchar" if len(n) > 1 else "float"} {n}'
          for n in names), 'end_header', *rows, '']))
    return path


def test_bad_meshes(tmp_path):
    with pytest.raises(DataError, match='has no colours'):
        read_vertices(write_ply(tmp_path / 'a.ply', ['0 0 1', '1 1 1'],
                                colours=False))
    with pytest.raises(DataError, match='1 of 2 points that are not finite'):
        read_vertices(write_ply(tmp_path / 'b.ply',
                                ['0 0 nan 1 2 3', '0 0 1 1 2 3']))
    with pytest.raises(DataNotFoundError, match='there is no file'):
        read_vertices(tmp_path / 'c.ply')


def test_segments_of_another_mesh(scans, tmp_path):
    scan = tmp_path / 'scene0000_00'
    shutil.copytree(scans / 'scans/scene0000_00', scan)
    file = scan / 'scene0000_00_vh_clean_2.0.010000.segs.json'
    file.write_text(json.dumps(dict(segIndices=[1, 2])))
    with pytest.raises(DataError, match='is about 2 vertices'):
        prepare(scan, NAMES)
