"""The command line tools that look at data."""


import runpy
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from lm4ve_point_cloud.datasets import ModelNet40, checks
from lm4ve_point_cloud.datasets.modelnet_files import CLASSES
from mmengine.registry import DefaultScope
from PIL import Image

from lm4ve_mm import apis
from lm4ve_mm.registry import MODELS
from lm4ve_mm.testing import RUNNER

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a tool; give its exit status and what it printed."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        try:
            runpy.run_path(str(PROJECT / 'tools' / name), run_name='__main__')
            status = 0
        except SystemExit as end:
            status = end.code
        return status, ''.join(capsys.readouterr())

    yield run
    DefaultScope._instance_dict.clear()


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """The six files of ScanObjectNN, with 3 and 2 clouds."""
    counts = {key: 3 if key[1] == 'train' else 2 for key in checks.SCAN_COUNTS}
    monkeypatch.setattr(checks, 'SCAN_COUNTS', counts)
    for (variant, split), count in counts.items():
        path = checks.file_of(tmp_path, split, variant)
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, 'w') as file:
            file['data'] = np.zeros((count, 2048, 3), np.float32)
            file['label'] = np.arange(count)
    return tmp_path


def test_published_counts():
    assert sorted(checks.SCAN_COUNTS.values()) == [
        581, 581, 2309, 2309, 2882, 11416]


def test_complete_scans(call, scans):
    status, text = call('check_point_data.py', 'scanobjectnn', scans)
    assert status == 0 and text.endswith('Everything is there.\n')
    assert text.count('3 clouds of 2048 points\n') == 3
    assert text.count('2 clouds of 2048 points\n') == 3


def test_incomplete_scans(call, scans):
    (scans / 'main_split_nobg/test_objectdataset.h5').unlink()
    hardest = 'main_split/test_objectdataset_augmentedrot_scale75.h5'
    (scans / hardest).write_bytes((scans / hardest).read_bytes()[:1000])
    other = 'main_split/training_objectdataset.h5'
    with h5py.File(scans / other, 'a') as file:
        del file['label'], file['data']
        file['label'] = np.arange(4)
        file['data'] = np.zeros((4, 2048, 3), np.float32)
    with h5py.File(scans / 'main_split/test_objectdataset.h5', 'a') as file:
        del file['data']
        file['data'] = np.zeros((2, 1024, 3), np.float32)
    status, text = call('check_point_data.py', 'scanobjectnn', scans)
    assert status == 1
    states = dict(line.split(maxsplit=1) for line in text.splitlines()[:6])
    assert states == {
        'main_split/training_objectdataset.h5': 'damaged',
        'main_split/test_objectdataset.h5': 'damaged',
        'main_split_nobg/training_objectdataset.h5':
        '3 clouds of 2048 points',
        'main_split_nobg/test_objectdataset.h5': 'missing',
        'main_split/training_objectdataset_augmentedrot_scale75.h5':
        '3 clouds of 2048 points',
        hardest: 'damaged'
    }
    for part in ('4 problems:', 'has 4 clouds, the published one has 3',
                 'has 1024 points a cloud, not 2048', 'damaged or incomplete',
                 'is sent on request'):
        assert part in text


@pytest.fixture
def modelnet(tmp_path, monkeypatch):
    """Three objects of ModelNet40, in both splits."""
    monkeypatch.setattr(checks, 'SPLITS', dict(train=3, test=3))
    (tmp_path / 'modelnet40_shape_names.txt').write_text('\n'.join(CLASSES))
    ids = ['bed_0001', 'bed_0002', 'tv_stand_0001']
    rows = np.random.default_rng(0).normal(size=(10000, 6))
    for split in ('train', 'test'):
        (tmp_path / f'modelnet40_{split}.txt').write_text('\n'.join(ids))
    for one in ids:
        path = tmp_path / one.rsplit('_', 1)[0] / f'{one}.txt'
        path.parent.mkdir(exist_ok=True)
        np.savetxt(path, rows, '%.4f', ',')
    return tmp_path


def test_cache_is_built_and_found(call, modelnet):
    status, text = call('check_point_data.py', 'modelnet40', modelnet)
    assert status == 1
    assert 'text files of train' in text and '3 text files, 2 of them' in text
    assert text.count('build_modelnet_cache.py') == 2
    status, text = call('build_modelnet_cache.py', modelnet, '--workers', 2)
    assert status == 0, text
    status, text = call('check_point_data.py', 'modelnet40', modelnet)
    assert status == 0, text
    assert text.count('3 clouds of 8192 points') == 2
    data = ModelNet40('test', data_root=str(modelnet))
    assert [info['gt_label'] for info in data] == [2, 2, 36]


def test_cache_errors(call, modelnet):
    (modelnet / 'bed/bed_0002.txt').unlink()
    status, text = call('build_modelnet_cache.py', modelnet)
    assert status == 2
    assert 'error: 1 of 3 files of' in text and 'bed_0002.txt' in text
    status, text = call('build_modelnet_cache.py', modelnet, '--from-upstream')
    assert status == 2 and 'modelnet40_test_8192pts_fps.dat' in text


def test_missing_episodes(call, tmp_path):
    status, text = call('check_point_data.py', 'modelnet_fewshot', tmp_path)
    assert status == 1 and '40 problems:' in text
    assert '10way_20shot/9.pkl' in text


def test_panel(call, tmp_path):
    config = PROJECT / 'configs/point_bert_shapes.py'
    cfg = apis.load_config(config)
    torch.manual_seed(0)
    model = MODELS.build({**cfg.model,
                          'data_preprocessor': cfg.data_preprocessor})
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    out = tmp_path / 'deep/panel.png'
    arguments = (config, tmp_path / 'model.pth', '--out', out, '--count', 6,
                 '--cfg-options',
                 f'test_dataloader.dataset.data_root={tmp_path}')
    status, text = call('draw_clouds.py', *arguments)
    assert status == 0, text
    assert f'wrote {out}: ' in text and ' of 6 right' in text
    with Image.open(out) as image:
        pixels = np.asarray(image.convert('RGB')).astype(int)
    # Two lines of five places; the red of a wrong prediction is there.
    assert pixels.shape[1] > 2 * pixels.shape[0] > 800
    assert (abs(pixels - (255, 0, 0)).sum(-1) < 30).sum() > 100
    # Bright and dark points of the palette.
    for colour in ((253, 231, 37), (68, 1, 84)):
        assert (abs(pixels - colour).sum(-1) < 40).sum() > 10


def test_get_flops(call):
    """Maps of 128 x 384, each for 16 groups and the class token."""
    status, text = call(
        '../../../tools/analysis_tools/get_flops.py',
        PROJECT / 'configs/point_bert_minilm_shapes.py')
    assert status == 0 and 'one input of (256, 3)' in text
    rows = {line.split()[0]: [int(n.replace(',', '')) for n
                              in line.split()[-3:]]
            for line in text.splitlines() if line.startswith(('maps', 'tot'))}
    assert rows['maps'] == [2 * 128 * 384, 2 * 128 * 384, 2 * 17 * 128 * 384]
    assert rows['total'][2] > rows['maps'][2]


def test_panel_of_nothing(call):
    status, text = call('draw_clouds.py', 'a.py', 'b.pth', '--count', 0)
    assert status == 2 and '--count 0 draws nothing' in text


def test_panel_of_another_model(call, tmp_path):
    torch.save(dict(state_dict=dict(weight=torch.ones(1))), tmp_path / 'x.pth')
    config = PROJECT / 'configs/point_bert_shapes.py'
    status, text = call('draw_clouds.py', config, tmp_path / 'x.pth')
    assert status == 2 and 'unexpected key in source state_dict: wei' in text


def test_lacking_packages_are_named(monkeypatch):
    monkeypatch.setattr('lm4ve_mm.utils.install.is_installed',
                        lambda name: name != 'h5py')
    with pytest.raises(ImportError, match=r"point clouds need h5py: in "
                       r"the checkout, pip install -e '\.\[points\]' -c"):
        runpy.run_path(str(PROJECT / 'lm4ve_point_cloud/datasets/__init__.py'))


def test_panel_without_files(call, tmp_path):
    config = PROJECT / 'configs/point_bert_shapes.py'
    status, text = call('draw_clouds.py', config, tmp_path / 'none.pth')
    assert status == 2
    assert f'there is no checkpoint {tmp_path}/none.pth' in text


def test_the_missing_extra_is_the_last_word(warm_python):
    """Of a config that imports the project, without its packages."""
    code = ("import sys; sys.modules['h5py'] = None\n"
            'from lm4ve_mm import apis\n'
            'apis.parse_or_exit(apis.training_parser(), '
            'apis.configure_training)')
    done = warm_python(*RUNNER).run(
        code, PROJECT / 'configs/point_bert_minilm_shapes.py')
    assert done.returncode == 2
    *_, message = done.stderr.splitlines()
    assert 'point clouds need h5py' in message
    assert "pip install -e '.[points]'" in message
