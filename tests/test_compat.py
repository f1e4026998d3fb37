"""Each repair against the breakage it names."""

import io
import os
import pickle
import struct
import sys

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint
from mmengine.utils import package_utils

from lm4ve_mm import apis, compat
from lm4ve_mm.apis import launch
from lm4ve_mm.compat import distributed, numpy2
from lm4ve_mm.registry import OPTIM_WRAPPERS
from lm4ve_mm.testing import RUNNER
from lm4ve_mm.utils.errors import ConfigError
from lm4ve_mm.utils.unpickling import ArrayUnpickler


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
    with pytest.raises(error, match='hue|backend|img'):
        mmcv.adjust_hue(*args)


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
    child.write_text("_base_ = 'mmdet::flat.py'")
    with pytest.raises(ValueError, match='external package'):
        Config.fromfile(child)


@pytest.mark.parametrize(('launcher', 'words'), [
    ('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID'), ('lsf', "'lsf'"),
    ('mpi', 'OMPI_COMM_WORLD_RANK')])
def test_a_launcher_that_started_nothing(launcher, words, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(ConfigError, match=words):
        apis.build_runner(Config(dict(launcher=launcher)))


@pytest.mark.parametrize('device', ['cuda', 'cpu'])
def test_synchronised_batch_norm_is_for_gpus(monkeypatch, device):
    """On CPUs it is left out aloud; with a GPU nothing is touched."""
    said = []
    monkeypatch.setattr(launch, 'get_device', lambda: device)
    monkeypatch.setattr(launch, 'print_log',
                        lambda text, **_: said.append(text))
    monkeypatch.setattr(launch.ConsoleRunner, 'from_cfg', lambda cfg: cfg)
    cfg = apis.build_runner(Config(dict(sync_bn='torch', launcher='none')))
    gpu = device == 'cuda'
    assert cfg.sync_bn == ('torch' if gpu else None)
    assert [text[:15] for text in said] == ([] if gpu else ["sync_bn='torch'"])


@pytest.mark.skipif(torch.cuda.is_available(), reason='repairs CPU launches')
def test_launchers_choose_gloo_and_leave_the_gpu_alone():
    """Whatever the config asks for; torch's own function is put back."""
    calls = []

    def start(backend, **options):
        torch.cuda.set_device(7)
        calls.append((backend, options))

    set_device = torch.cuda.set_device
    distributed._on_gloo(start)('nccl', timeout=3)
    assert calls == [('gloo', dict(timeout=3))]
    assert torch.cuda.set_device is set_device
    with pytest.raises(ZeroDivisionError):
        distributed._on_gloo(lambda backend: 1 / 0)('nccl')
    assert torch.cuda.set_device is set_device


def test_no_import_starts_processes_or_sets_a_backend(warm_python):
    """With what torchrun leaves in the environment, which workers inherit."""
    code = (
        'import matplotlib, torch; matplotlib.use("svg")\n'
        'from lm4ve_mm import plugin, video, apis\n'
        'from lm4ve_mm.apis import drawing\n'
        'assert not torch.distributed.is_initialized()\n'
        'assert matplotlib.get_backend() == "svg"\n')
    done = warm_python(*RUNNER).run(
        code, RANK='0', WORLD_SIZE='2', LOCAL_RANK='0',
        TORCHELASTIC_RUN_ID='x', MASTER_ADDR='127.0.0.1', MASTER_PORT='1')
    assert done.returncode == 0, done.stderr


def test_stderr_says_once_what_was_repaired(warm_python):
    code = 'from lm4ve_mm import compat; compat.apply(); compat.apply()'
    said = warm_python(*RUNNER).run(code)
    assert said.stdout == ''
    said = said.stderr.splitlines()
    assert len(said) == 1
    assert 'compat repaired: checkpoints under the safe loader; ' in said[0]
    # The tested set has all of these, and no pycocotools.
    for name in ('DRN', 'VindLU', 'numpy 1', 'several processes', 'mmcv-lite',
                 'browse_dataset'):
        assert (name in said[0]) is (
            name != 'several processes' or not torch.cuda.is_available())
    assert 'multimodal' not in said[0]


def pickled_array(dtype, content):
    """A pickle that calls numpy.ndarray((1, ), dtype, content)."""
    return (b'\x80\x02cnumpy\nndarray\n(K\x01\x85cnumpy\ndtype\n(X'
            + struct.pack('<I', len(dtype)) + dtype + b'\x89\x88tR'
            + b'C' + bytes([len(content)]) + content + b'tR.')


@pytest.mark.parametrize('dtype', [b'O', b'f8', b'V8'])
def test_no_array_is_made_at_an_address(dtype, tmp_path):
    """numpy would read, and count references at, the bytes' own address."""
    body = pickled_array(dtype, b'AAAAAAAA')
    with pytest.raises((pickle.UnpicklingError, TypeError)):
        ArrayUnpickler(io.BytesIO(body)).load()
    writer = torch._C.PyTorchFileWriter(str(tmp_path / 'evil.pth'))
    body = body.replace(b'C\x08AAAAAAAA', b'X\x08\0\0\0AAAAAAAA')
    writer.write_record('data.pkl', body, len(body))
    writer.write_record('byteorder', b'little', 6)
    writer.write_end_of_file()
    with pytest.raises((pickle.UnpicklingError, TypeError)):
        torch.load(tmp_path / 'evil.pth', weights_only=True)


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


def test_browse_dataset_needs_no_renderer():
    """Neither before nor after matplotlib's module was imported."""
    from matplotlib import _tight_bbox
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox
    figure = Figure(figsize=(4, 3))
    figure.add_subplot()
    _tight_bbox.adjust_bbox(figure, Bbox([[1, 1], [3, 2]]))
    assert figure.bbox_inches.size.tolist() == [2, 1]
