"""MMAction2 out of its wheel: what breaks it, and that it works with us."""

import importlib
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lm4ve_mm.compat import import_hooks, mmaction2, multimodal
from lm4ve_mm.testing import RUNNER

ROOT = Path(__file__).parents[1]
# Everything that a video config can name.
IMPORT_ALL = """
import mmaction.datasets, mmaction.engine, mmaction.evaluation
import mmaction.models
"""
# As onedl-mmcv calls itself.
NEWER_MMCV = """
import mmcv
mmcv.__version__ = '2.3.6'
"""


@pytest.fixture
def run(warm_python):
    """What a Python without toolboxes says last; nothing if it succeeds."""
    def call(code):
        done = warm_python(*RUNNER).run(code)
        lines = done.stderr.strip().splitlines()
        return lines[-1] if done.returncode else ''

    return call


@pytest.mark.parametrize(('code', 'said'), [
    ('import mmaction.models', 'mmaction.models.localizers.drn'),
    (NEWER_MMCV + 'import mmaction', 'MMCV==2.3.6 is used but incompatible'),
])
def test_the_wheel_alone_cannot_be_imported(run, code, said):
    """When this fails, the repairs may no longer be needed."""
    assert said in run(code)


def test_everything_imports_with_the_plugin(run):
    """With a newer mmcv too, whose version is put back; images do without."""
    assert run('import sys; from lm4ve_mm import plugin\n'
               'assert "mmaction" not in sys.modules\n' + NEWER_MMCV
               + IMPORT_ALL + 'assert mmcv.__version__ == "2.3.6"') == ''


def test_repairs_after_a_failed_import_too(run):
    """In a notebook the error is often seen first."""
    failed_first = ('try:\n    import mmaction.models\n'
                    'except ImportError:\n    from lm4ve_mm import plugin\n')
    assert run(failed_first + IMPORT_ALL) == ''


def test_mmpretrain_imports_beside_pycocotools(run, tmp_path):
    """It takes that as a sign that its multimodal models can be imported."""
    (tmp_path / 'pycocotools').mkdir()
    (tmp_path / 'pycocotools' / '__init__.py').touch()
    metadata = tmp_path / 'pycocotools-2.0.11.dist-info' / 'METADATA'
    metadata.parent.mkdir()
    metadata.write_text(
        'Metadata-Version: 2.1\nName: pycocotools\nVersion: 2.0.11\n')
    path = f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n'
    assert 'NoneType' in run(path + 'import mmpretrain.models')
    assert run(path + 'from lm4ve_mm import plugin\n'
               'from mmpretrain.registry import MODELS\n'
               'assert MODELS.get("ImageClassifier")\n'
               'try:\n    MODELS.build(dict(type="BlipVQA"))\n'
               'except ImportError as error:\n'
               '    assert "multi-modal" in str(error)\n') == ''


@pytest.mark.slow
def test_train_script_of_mmaction2(tmp_path):
    """Its own, on a config of ours: custom_imports is all that it takes."""
    spec = importlib.util.find_spec('mmaction')
    script = Path(spec.origin).parent / '.mim' / 'tools' / 'train.py'
    options = [f'{stage}_dataloader.dataset.{key}={value}'
               for stage, count in (('train', 32), ('val', 6))
               for key, value in (('data_root', tmp_path / 'data'),
                                  ('count', count))]
    done = subprocess.run(
        [sys.executable, script, 'configs/videomae_tiny_minilm_moving.py',
         '--work-dir', tmp_path, '--cfg-options', 'train_cfg.max_epochs=1',
         *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'epoch_1.pth').is_file()
    assert 'neck.layer (frozen) is bert block' in done.stdout + done.stderr


def test_absent_models_say_so():
    import mmaction.models  # noqa: F401
    from mmaction.registry import MODELS
    with pytest.raises(ImportError, match='lacks .*drn.*from source'):
        MODELS.build(dict(type='DRN'))
    with pytest.raises(ImportError, match='VindLU'):
        MODELS.build(dict(type='VindLUVQA'))


@pytest.mark.parametrize(('source', 'kept'), [
    ('def apply_chunking_to_forward(): pass', True), ('', False)])
def test_vindlu_is_left_out_where_it_cannot_be(
        source, kept, tmp_path, monkeypatch):
    """By what the installed transformers has, not by its version."""
    (tmp_path / 'modeling_utils.py').write_text(source)

    class Spec:
        origin = str(tmp_path / '__init__.py')

    monkeypatch.setattr(multimodal, 'find_module', lambda name: Spec)
    module = ModuleType('dependency')
    with multimodal.without_multimodal(module):
        module.WITH_MULTIMODAL = True
    assert module.WITH_MULTIMODAL is kept


def test_hue_turns_the_circle():
    from mmaction.datasets.transforms.processing import ColorJitter
    image = np.random.RandomState(0).randint(0, 256, (8, 9, 3), np.uint8)
    for factor in (-.5, -.1, 0., .3, .5):
        turned = ColorJitter.adjust_hue(image, factor)
        assert turned.shape == image.shape and turned.dtype == np.float32
    red = np.full((1, 1, 3), (255, 0, 0), np.uint8)
    # 60 of 180 levels are a third of the circle: red to green, and back.
    green = ColorJitter.adjust_hue(red, 60.5 / 255)
    assert green.tolist() == [[[0, 255, 0]]]
    assert ColorJitter.adjust_hue(green, -60.5 / 255).tolist() == red.tolist()
    # Around the zero, where the sum leaves the 180 levels.
    assert ColorJitter.adjust_hue(red, -60.5 / 255).tolist() == [[[0, 0, 255]]]


def test_sound_hue_is_left_alone():
    class ColorJitter:
        adjust_hue = staticmethod(lambda img, factor: img)

    own = ColorJitter.adjust_hue
    module = ModuleType('processing')
    with mmaction2._with_sound_hue(module):
        module.ColorJitter = ColorJitter
    assert module.ColorJitter.adjust_hue is own


@pytest.fixture
def a_module(tmp_path, monkeypatch):
    """A module of one line on the path, forgotten afterwards."""
    name = 'module_of_test_compat'
    (tmp_path / f'{name}.py').write_text('seen = __import__("builtins").mark')
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)
    import_hooks._AROUND.repairs.pop(name, None)


def test_repair_surrounds_the_import(a_module, monkeypatch):
    import builtins
    monkeypatch.setattr(builtins, 'mark', 'unrepaired', raising=False)

    @contextmanager
    def repair(module):
        builtins.mark = 'repaired'
        yield
        module.after = module.seen

    import_hooks.around_import(a_module, repair)
    import_hooks.around_import(a_module, repair)
    spec = importlib.util.find_spec(a_module)
    assert spec.origin.endswith(f'{a_module}.py')
    module = importlib.import_module(a_module)
    assert module.seen == module.after == 'repaired'


def test_repair_of_an_imported_module_is_now(a_module, monkeypatch):
    import builtins
    monkeypatch.setattr(builtins, 'mark', 'unrepaired', raising=False)
    module = importlib.import_module(a_module)

    @contextmanager
    def repair(module):
        yield
        module.after = module.seen

    import_hooks.around_import(a_module, repair)
    assert module.after == 'unrepaired'
