"""The tools, as they are called."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lm4ve_vqa3d.apis import (
    Answered,
    answers_of,
    describe,
    read_mesh,
    stand,
)
from lm4ve_vqa3d.datasets.rooms import Rooms
from lm4ve_vqa3d.datasets.situations import FACING

from lm4ve_mm import apis
from lm4ve_mm.utils.errors import DataError

PROJECT = Path(__file__).parents[1]
CONFIG = PROJECT / 'configs/sqa3d_rooms.py'
SIZES = dict(train=2, val=1, test=1)


def call(monkeypatch, capsys, tool, *words):
    """Run a tool in this process: its exit status and what it printed."""
    monkeypatch.setattr(sys, 'argv', [tool, *map(str, words)])
    status = 0
    try:
        runpy.run_path(str(PROJECT / 'tools' / f'{tool}.py'),
                       run_name='__main__')
    except SystemExit as end:
        status = end.code or 0
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The host of the demo, not trained, and rooms for it."""
    root = tmp_path_factory.mktemp('trained')
    data = root / 'rooms'
    Rooms('train', str(data), **SIZES)
    config = root / 'small.py'
    changed = f"data_root='{data}', train=2, val=1, test=1"
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        f'train_dataloader = dict(dataset=dict(dataset=dict({changed})))\n'
        + ''.join(f'{stage}_dataloader = dict(dataset=dict({changed}))\n'
                  for stage in ('val', 'test')))
    torch.manual_seed(0)
    model = apis.build_model(apis.load_config(config))
    torch.save(dict(state_dict=model.state_dict()), root / 'small.pth')
    return config, root / 'small.pth'


@pytest.fixture
def mesh(trained):
    return (trained[0].parent / 'rooms/scans/scene3000_00'
            / 'scene3000_00_vh_clean_2.ply')


ASKED = ('What is on my left?', '--position', 0, 0, 0, '--heading', 90)


def test_ask(trained, mesh, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new/asked.png'
    status, text = call(
        monkeypatch, capsys, 'ask_scene', *trained, mesh, *ASKED,
        '--situation', 'I am facing the window.', '--out', out)
    assert status == 0, text
    assert 'situation: I am facing the window.' in text
    assert text.count('%') == 5
    assert out.stat().st_size > 10_000



def test_mesh_is_the_prepared_scene(trained, mesh):
    scene = read_mesh(mesh)
    cfg = apis.load_config(trained[0])
    info = Rooms('test', cfg.test_dataloader.dataset.data_root,
                 **SIZES).get_data_info(0)
    known = info['scene']
    np.testing.assert_allclose(scene.alignment, known.alignment)
    np.testing.assert_allclose(
        np.sort(scene.vertices[:, :3], 0).mean(0),
        known.vertices[:, :3].mean(0), atol=.05)
    # A heading in the file is turned with the alignment.
    position, rotation = stand(scene, (1, 2, 0), 30)
    ahead = np.array([np.cos(np.radians(30)), np.sin(np.radians(30)), 0])
    np.testing.assert_allclose(
        rotation @ FACING, scene.alignment[:3, :3] @ ahead, atol=1e-6)
    np.testing.assert_allclose(
        position, scene.alignment[:3, :3] @ (1, 2, 0)
        + scene.alignment[:3, 3], atol=1e-6)
    with pytest.raises(DataError, match='three finite numbers'):
        stand(scene, (1, np.nan, 0), 0)
    assert len(answers_of(cfg)) == 16


def test_situation_by_what_is_ahead():
    found = Answered([('yes', .5)], np.array([[0, 2, 0], [2, .1, 0],
                                              [3, 0, 0.]]),
                     np.array([True, True, False]), np.zeros(3),
                     ['bed', 'shower_curtain', 'door'])
    turn = np.diag([-1, -1, 1])  # faces +x
    assert describe(found, np.zeros(3), turn) == (
        'I am standing facing the shower curtain.')
    with pytest.raises(DataError, match='give --situation'):
        describe(found, np.zeros(3), np.eye(3))


def test_ask_misused(trained, mesh, tmp_path, monkeypatch, capsys):
    config, checkpoint = trained
    bare = tmp_path / 'bare.ply'
    bare.write_text('ply\nformat ascii 1.0\nelement vertex 1\n'
                    'property float x\nproperty float y\nproperty float z\n'
                    'end_header\n0 0 0\n')
    for words, message in (
            ((config, tmp_path / 'no.pth', mesh), 'no checkpoint'),
            ((config, checkpoint, tmp_path / 'a.ply'), 'there is no file'),
            ((config, checkpoint, bare), 'has no colours'),
            ((tmp_path / 'no.py', checkpoint, mesh), 'no config file')):
        status, text = call(monkeypatch, capsys, 'ask_scene', *words, *ASKED)
        assert status == 2 and message in text, text
        assert len(text.strip().splitlines()[-1]) > 20
        assert 'Traceback' not in text


def test_draw(trained, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'sheet.png'
    status, text = call(monkeypatch, capsys, 'draw_rooms', *trained, '--out',
                        out, '--count', 2)
    assert status == 0, text
    assert f'wrote {out}: ' in text and 'of 2 right' in text
    assert out.stat().st_size > 20_000
    status, text = call(monkeypatch, capsys, 'draw_rooms', *trained,
                        '--count', 0)
    assert status == 2 and 'draws nothing' in text


def test_prior(trained, monkeypatch, capsys):
    status, text = call(monkeypatch, capsys, 'type_prior', trained[0])
    assert status == 0, text
    for name in ('type', 'question'):
        assert f'the most frequent answer of the {name}: EM@1 ' in text


def test_check(sqa3d, tmp_path, monkeypatch, capsys):
    """Made-up data are not the released ones; broken files are named."""
    status, text = call(monkeypatch, capsys, 'check_sqa3d_data', sqa3d)
    assert status == 1
    assert 'train has 4 questions, the released one 26,623' in text
    assert '2 of 2' in text and 'scenes that were read' in text
    status, text = call(monkeypatch, capsys, 'check_sqa3d_data', tmp_path)
    assert status == 1 and text.count('there is no file') == 4


def test_small_host_has_no_dropout(trained):
    """A factor of all rates; the reference's are 0.3 and 0.1."""
    cfg = apis.load_config(trained[0])
    for factor, wanted in ((0., {0.}), (1., {.1, .3})):
        cfg.model.dropout = factor
        rates = {module.p for module in apis.build_model(cfg).modules()
                 if isinstance(module, torch.nn.Dropout)}
        assert rates == wanted
