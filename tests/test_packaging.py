"""What is built and what is imported."""

import configparser
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lm4ve_mm.testing import RUNNER

ROOT = Path(__file__).parents[1]
TOOLBOXES = ('mmengine', 'mmcv', 'mmpretrain', 'mmaction', 'onedl')
SHIPPED = ('configs', 'tools', 'projects')


def tracked_files():
    """List the files that a clone of this checkout has."""
    if not (ROOT / '.git').exists():
        pytest.skip('not a checkout: nothing to compare the wheel with')
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others',
         '--exclude-standard'],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # Files deleted but not yet committed are still listed.
    return [name for name in listed.split('\0')
            if name and (ROOT / name).is_file() and '/.mim/' not in name]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Build the wheel from a copy, so that nothing stale gets into it."""
    folder = tmp_path_factory.mktemp('wheel')
    for name in tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-index',
         '--no-build-isolation', '-w', folder / 'dist', folder],
        check=True, capture_output=True, text=True)
    with zipfile.ZipFile(next((folder / 'dist').glob('*.whl'))) as archive:
        yield archive


def test_wheel_has_all_that_git_has(wheel):
    expected = set()
    for name in tracked_files():
        if name.startswith('lm4ve_mm/'):
            expected.add(name)
        elif re.match(r'projects/\w+/lm4ve_\w+/', name):
            expected.add(name.split('/', 2)[2])
        elif '/tests/' in name:
            continue
        elif name.startswith(SHIPPED) or name == 'model-index.yml':
            expected.add(f'lm4ve_mm/.mim/{name}')
    packed = {name for name in wheel.namelist() if '.dist-info/' not in name}
    assert {name for name in packed ^ expected
            if not name.split('/')[-1].startswith('.')} == set()


@pytest.mark.slow
def test_mmpretrain_knows_the_models_of_the_wheel(wheel, warm_python,
                                                  tmp_path):
    """Without the checkout, in a process that knows MMEngine alone."""
    wheel.extractall(tmp_path / 'site')
    code = ('import lm4ve_mm.plugin, mmpretrain\n'
            'print(mmpretrain.list_models("vit_s_*lama_in1k"))\n'
            'model = mmpretrain.get_model("vit_tiny_minilm_digits")\n'
            'print(model._config.filename, model.neck.layer.identity)')
    done = warm_python(*RUNNER).run(
        code, cwd=tmp_path, paths=[tmp_path / 'site'])
    assert done.returncode == 0, done.stderr
    *_, listed, built = done.stdout.splitlines()
    assert listed == "['vit_s_llama_in1k']"
    place = tmp_path / 'site/lm4ve_mm/.mim/configs/vit_tiny_minilm_digits.py'
    assert str(place) in built and '5585e1481f24e48e' in built


def test_mim_finds_this_package_first(wheel):
    """It takes the first name that it finds, and they are sorted."""
    name = next(n for n in wheel.namelist() if n.endswith('/top_level.txt'))
    first, *others = wheel.read(name).decode().split()
    assert first == 'lm4ve_mm'
    assert 'lm4ve_point_cloud' in others


def test_mim_finds_configs_by_name():
    """Mim takes a bare file name, and refuses one that is there twice."""
    names = [Path(name).name for name in tracked_files()
             if name.startswith(SHIPPED) and name.endswith('.py')]
    leaves = {path.name
              for pattern in ('configs', 'configs/variants',
                              'projects/*/configs')
              for path in ROOT.glob(f'{pattern}/*.py')}
    assert len(leaves) > 60
    assert {name for name in leaves if names.count(name) > 1} == set()


def test_base_install_brings_no_toolbox(wheel):
    name = next(n for n in wheel.namelist() if n.endswith('/METADATA'))
    needs = [line.removeprefix('Requires-Dist: ')
             for line in wheel.read(name).decode().splitlines()
             if line.startswith('Requires-Dist: ')]
    base = [need for need in needs if 'extra ==' not in need]
    assert len(base) == 3
    assert not [need for need in base if need.startswith(TOOLBOXES)]
    assert [need for need in needs if need.startswith('mmengine')]


def test_constraints_pin_every_direct_requirement():
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    extras = dict(config['options.extras_require'])
    del extras['onedl']
    lines = '\n'.join([config['options']['install_requires'],
                       *extras.values()]).splitlines()
    names = {line.split('>')[0].split('=')[0].strip() for line in lines
             if line and not line.startswith(('#', 'lm4ve_mm['))}
    pins = (ROOT / 'requirements' / 'constraints.txt').read_text()
    assert [name for name in names if f'\n{name}==' not in pins] == []
    assert '@' not in pins


def test_no_index_is_said_to_have_this_package():
    """It is on none: an extra is installed from the checkout."""
    config = configparser.ConfigParser()
    config.read(ROOT / 'setup.cfg')
    words = {name: (ROOT / name).read_text() for name in tracked_files()
             if name.endswith(('.py', '.md', '.sh', 'Makefile'))
             and not name.startswith('tests/')}
    asked = re.compile(r'pip install (?:-\S+ )*[\'"\s]*lm4ve_mm\b')
    assert [name for name, text in words.items() if asked.search(text)] == []
    extras = {extra for text in words.values() for extra in re.findall(
        r'(?:how_to_install\("|pip install (?:-e )?\'\.\[)(\w+)', text)}
    assert extras >= {'all', 'hf', 'points', 'video'}
    assert extras <= set(config['options.extras_require'])


# Finds none of these, as if they were not installed.
BLOCKER = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] not in BLOCKED:
            return self.finder.find_spec(name, path, target)

BLOCKED = set(sys.argv[1].split(','))
sys.meta_path[:] = map(Without, sys.meta_path)
"""
# A run of MMEngine alone around a plain host, with layers in both ways.
PLAIN_RUN = """
import torch
from mmengine.model import BaseModel, BaseModule
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import nn
import lm4ve_mm.plugin as plugin
from lm4ve_mm import analysis, apis, ops
from lm4ve_mm.registry import MODELS as OURS

assert plugin.__all__ == ['engine', 'models']
LLM = dict(init='random', geometry=dict(width=32, num_heads=2, ffn_dim=48))

@MODELS.register_module()
class PlainTokens(BaseModule):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

@MODELS.register_module()
class PlainHost(BaseModel):
    def __init__(self, neck):
        super().__init__()
        self.backbone = OURS.build(dict(
            type='lm4ve_mm.FrozenLLMBackbone', in_channels=8, llm=LLM,
            insert_after='layers.1', backbone=dict(type='PlainTokens')))
        self.neck = OURS.build(dict(neck, in_channels=8, llm=LLM))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        out = self.neck(self.backbone(inputs))
        out = out[0] if isinstance(out, tuple) else out
        return dict(loss=out.square().mean()) if mode == 'loss' else out

class Tokens(torch.utils.data.Dataset):
    metainfo = {}
    def __len__(self):
        return 8
    def __getitem__(self, index):
        return dict(inputs=torch.randn(5, 8))

for name, options in (('FrozenLLMNeck', {}), ('FrozenLLMVideoNeck', {})):
    runner = Runner(
        model=dict(type='PlainHost', neck=dict(
            type=f'lm4ve_mm.{name}', **options)),
        work_dir=sys.argv[2],
        train_dataloader=dict(
            batch_size=2, num_workers=0, dataset=Tokens(),
            collate_fn=dict(type='default_collate'),
            sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='lm4ve_mm.FreezeLLMHook', freeze=[
            'backbone.backbone.layers.0'])],
        experiment_name=name)
    before = {name: p.detach().clone()
              for name, p in runner.model.named_parameters()}
    runner.train()
    assert runner.iter == 4
    moved = {name for name, p in runner.model.named_parameters()
             if not torch.equal(p, before[name])}
    assert any('backbone.layer.map_in' in one for one in moved), moved
    assert any('neck.layer.map_out' in one for one in moved), moved
    assert not any('layers.0' in one for one in moved)
assert not BLOCKED & {name.partition('.')[0] for name in sys.modules}
"""
HEAVY = ('mmpretrain', 'mmaction', 'transformers', 'timm', 'sklearn',
         'huggingface_hub')


@pytest.fixture
def run_without(warm_python):
    """A function that runs code in a Python that lacks some packages."""
    def run(blocked, code, *args):
        done = warm_python(*(['torch'] if 'timm' in blocked else RUNNER)).run(
            BLOCKER + code, ','.join(blocked), *args, paths=[ROOT])
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(('module', 'absent'), [
    ('llm', (*HEAVY, 'mmengine', 'mmcv', 'torchvision', 'cv2', 'matplotlib')),
    ('ops', (*HEAVY, 'mmengine', 'mmcv')),
    ('image', ('mmaction', 'sklearn')),
])
def test_packages_do_without(run_without, module, absent):
    """What a detector's or forecaster's user has not installed."""
    run_without(absent, f'import lm4ve_mm.{module}')


def test_a_run_of_mmengine_alone(run_without, tmp_path):
    run_without(HEAVY, PLAIN_RUN, tmp_path)
    assert (tmp_path / 'epoch_1.pth').is_file()


@pytest.mark.parametrize(('module', 'absent'), [
    ('lm4ve_mm', ('mmengine', 'mmcv', 'mmpretrain', 'transformers', 'torch')),
    ('lm4ve_mm.llm', ('mmengine', 'mmcv', 'mmpretrain', 'transformers')),
    ('lm4ve_mm.env', ('mmengine', 'torch', 'numpy')),
])
def test_imports_stay_light(module, absent, warm_python):
    code = (f'import {module}, json, sys; '
            'print(json.dumps(sorted(sys.modules)))')
    done = warm_python('json' if 'torch' in absent else 'torch').run(
        code, paths=[ROOT])
    assert done.returncode == 0, done.stderr
    assert set(absent) & set(json.loads(done.stdout)) == set()
