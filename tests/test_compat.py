"""Each repair against the breakage it names."""

import io
import os
import pickle
import sys

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint
from mmengine.utils import package_utils

from lm4ve_mm import compat
from lm4ve_mm.compat import distributed, numpy2, packages
from lm4ve_mm.registry import OPTIM_WRAPPERS


@pytest.fixture(autouse=True)
def _repaired():
    compat.apply()
    compat.apply()  # a second time must be harmless


class Payload:
    """Pickles as a call of ``function`` with ``args``."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


PAYLOADS = dict(
    system=Payload(os.system, 'exit 1'),
    eval=Payload(eval, '1 + 1'),
    getattr_numpy=Payload(getattr, np.ndarray, 'tofile'),
    getattr_history=Payload(getattr, HistoryBuffer, '__init__'))


def history_checkpoint():
    buffer = HistoryBuffer([1., 2., 3.], [1, 1, 1])
    return dict(message_hub=dict(
        log_scalars={'train/loss': buffer},
        numbers=[np.float64(.5), np.arange(3), np.float32(2), np.True_]))


def test_history_checkpoints_load_safely(tmp_path):
    torch.save(history_checkpoint(), tmp_path / 'a.pth')
    hub = torch.load(tmp_path / 'a.pth', weights_only=True)['message_hub']
    assert hub['log_scalars']['train/loss'].mean() == 2
    assert hub['numbers'][1].tolist() == [0, 1, 2]


@pytest.mark.parametrize('name', PAYLOADS)
@pytest.mark.parametrize('scheme', ['', 'file://'])
def test_payloads_are_refused(tmp_path, name, scheme, monkeypatch):
    file = tmp_path / 'evil.pth'
    torch.save(dict(state_dict=PAYLOADS[name]), file)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    with pytest.raises(pickle.UnpicklingError):
        if scheme:
            checkpoint.load_url(f'{scheme}{file}')
        else:
            checkpoint.load_from_local(str(file), 'cpu')


def test_unsafe_loader_of_the_fork_is_replaced(monkeypatch):
    monkeypatch.setattr(
        checkpoint, '_safe_torch_load', torch.load, raising=False)
    compat.apply()
    file = io.BytesIO()
    torch.save(PAYLOADS['eval'], file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError):
        checkpoint._safe_torch_load(file, weights_only=False)


def test_numpy_names(monkeypatch):
    monkeypatch.delattr(np, 'in1d')
    numpy2.restore_numpy_names()
    assert np.in1d([[1, 2], [3, 4]], [2, 3]).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
def test_adjust_hue_turns_the_circle(backend):
    image = np.random.RandomState(0).randint(0, 256, (8, 9, 3), np.uint8)
    for shift in (-.5, -.1, 0., .3, .5):
        assert mmcv.adjust_hue(image, shift, backend).shape == image.shape
    red, green = np.zeros((2, 1, 1, 3), np.uint8)  # BGR
    red[..., 2] = green[..., 1] = 255
    turned = mmcv.adjust_hue(red, 1 / 3, backend).astype(int)
    assert abs(turned - green).max() <= 6
    back = mmcv.adjust_hue(green, -1 / 3, backend).astype(int)
    assert abs(back - red).max() <= 6


@pytest.mark.parametrize(('args', 'error'), [
    ((np.zeros((2, 2, 3), np.uint8), .7), ValueError),
    ((np.zeros((2, 2, 3), np.uint8), .1, 'gd'), ValueError),
    (([1], .1), TypeError),
])
def test_adjust_hue_refuses(args, error):
    with pytest.raises(error, match='hue'):
        numpy2._adjust_hue(*args)


def test_bases_resolve_without_pkg_resources(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pkg_resources', None)
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'mmpretrain::_base_/default_runtime.py'")
    assert Config.fromfile(child).default_scope == 'mmpretrain'
    path = package_utils.get_installed_path('mmaction2')
    assert os.path.basename(path) == 'mmaction'
    with pytest.raises(ModuleNotFoundError, match='no_such_package'):
        package_utils.get_installed_path('no_such_package')


def test_configs_of_this_package_have_names(tmp_path, monkeypatch):
    configs = tmp_path / '.mim' / 'configs'
    configs.mkdir(parents=True)
    (tmp_path / '.mim' / 'model-index.yml').write_text('Import: []')
    (configs / 'flat.py').write_text('answer = 42')
    monkeypatch.setattr('mmengine.config.config.get_installed_path',
                        lambda package: str(tmp_path))
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'lm4ve_mm::flat.py'")
    assert Config.fromfile(child).answer == 42
    assert packages._package_and_config('mmdet::a/b.py') == ('mmdet', 'a/b.py')
    with pytest.raises(ValueError, match='external package'):
        packages._package_and_config('mmdet::flat.py')


def test_prepare_distributed_keeps_single_processes():
    cfg = Config()
    compat.prepare_distributed(cfg, 'none')
    assert 'model_wrapper_cfg' not in cfg


@pytest.mark.skipif(torch.cuda.is_available(), reason='repairs CPU launches')
@pytest.mark.parametrize(('launcher', 'error', 'words'), [
    ('pytorch', RuntimeError, 'RANK'),
    ('slurm', RuntimeError, 'SLURM_PROCID'),
    ('lsf', ValueError, "'lsf'"),
])
def test_prepare_distributed_explains(launcher, error, words, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(error, match=words):
        compat.prepare_distributed(Config(), launcher)


@pytest.mark.parametrize('gpu', [False, True])
def test_synchronised_batch_norm_is_for_gpus(monkeypatch, gpu):
    """On CPUs it is left out aloud; with a GPU nothing is touched."""
    said = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    monkeypatch.setattr(distributed, '_group_needed', lambda: False)
    monkeypatch.setattr(distributed, 'print_log',
                        lambda text, **_: said.append(text))
    cfg = Config(dict(sync_bn='torch'))
    compat.prepare_distributed(cfg, 'pytorch')
    assert cfg.sync_bn == ('torch' if gpu else None)
    assert [text[:15] for text in said] == ([] if gpu else ["sync_bn='torch'"])


def test_group_is_only_started_by_launchers(monkeypatch):
    def start(backend):
        raise AssertionError('started')

    monkeypatch.setattr(distributed.dist, 'init_process_group', start)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setenv('RANK', '0')
    distributed.init_cpu_group()
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'x')
    with pytest.raises(AssertionError, match='started'):
        distributed.init_cpu_group()
    monkeypatch.setattr(distributed, 'parent_process', lambda: 'loader')
    distributed.init_cpu_group()


def test_first_host_of_several_nodes(tmp_path, monkeypatch):
    assert distributed._first_host() == '127.0.0.1'
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/bin/sh\necho node7\necho node8\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv('SLURM_NODELIST', 'node[7-8]')
    monkeypatch.setenv('SLURM_NNODES', '2')
    assert distributed._first_host() == 'node7'


def test_autocast_wrapper_trains_in_bfloat16():
    from lm4ve_mm.engine import optim_wrappers  # noqa: F401  (registers)
    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=.1)
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='lm4ve_mm.AutocastOptimWrapper', optimizer=optimizer))
    before = model.weight.clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(3, 4))
    wrapper.update_params(output.float().sum())
    assert output.dtype is torch.bfloat16
    assert model.weight.dtype is torch.float32
    assert not torch.equal(model.weight, before)
    with pytest.raises(ValueError, match='AmpOptimWrapper'):
        OPTIM_WRAPPERS.build(
            dict(
                type='lm4ve_mm.AutocastOptimWrapper',
                optimizer=optimizer,
                dtype='float16'))
