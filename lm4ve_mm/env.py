"""What is installed and what is known to be broken in it.

``python -m lm4ve_mm.env`` needs nothing but Python, so it can be asked when
nothing else imports. The answers are data: see :func:`diagnose`.
"""

import ctypes
import platform
import re
import sys
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Tuple

from .version import __version__

PACKAGES = (
    'torch', 'torchvision', 'numpy', 'safetensors', 'mmengine', 'mmcv-lite',
    'mmcv', 'mmpretrain', 'mmaction2', 'onedl-mmengine', 'onedl-mmcv',
    'onedl-mmpretrain', 'transformers', 'timm', 'opencv-python',
    'opencv-contrib-python', 'opencv-python-headless',
    'opencv-contrib-python-headless', 'decord', 'av', 'h5py', 'scikit-learn',
    'matplotlib', 'pycocotools', 'setuptools', 'openmim', 'openxlab',
    'onedl-mim', 'pip')
OPENCV = tuple(name for name in PACKAGES if name.startswith('opencv'))
FORKS = (('mmengine', 'onedl-mmengine'), ('mmcv', 'onedl-mmcv'),
         ('mmcv-lite', 'onedl-mmcv'), ('mmpretrain', 'onedl-mmpretrain'),
         ('openmim', 'onedl-mim'))
REPAIRED = 'repaired by importing lm4ve_mm.plugin, as our configs and tools do'


@dataclass(frozen=True)
class Facts:
    """What :func:`diagnose` judges; every field can be given by a test.

    Args:
        versions (Mapping[str, str]): Distribution name -> version.
        torchvision_needs (str, optional): The torch that torchvision's
            metadata asks for, such as ``'==2.14.0'``.
        has_drn (bool): Whether ``mmaction.models.localizers.drn`` is there.
        has_libgl (bool): Whether ``libGL.so.1`` can be loaded.
        has_mim_folder (bool): Whether this package has its ``.mim`` folder.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    torchvision_needs: Optional[str] = None
    has_drn: bool = True
    has_libgl: bool = True
    has_mim_folder: bool = True

    def has(self, name: str, low: str = '0', below: str = '') -> bool:
        """Tell whether ``name`` is installed with low <= version < below."""
        if name not in self.versions:
            return False
        version = _numbers(self.versions[name])
        return (version >= _numbers(low)
                and (not below or version < _numbers(below)))


@dataclass(frozen=True)
class Finding:
    """One known breakage, found or not.

    Args:
        name (str): What breaks.
        problem (str, optional): What was found here; None if it is absent.
        remedy (str): What to do about it.
    """

    name: str
    problem: Optional[str]
    remedy: str

    @property
    def present(self) -> bool:
        """Whether this environment has the breakage."""
        return self.problem is not None


def _numbers(version: str) -> Tuple[int, ...]:
    """Turn ``'2.13.0rc1+cpu'`` into ``(2, 13, 0)``."""
    release = re.match(r'\d+(\.\d+)*', version)
    numbers = [int(n) for n in release.group().split('.')] if release else []
    return tuple(numbers + [0] * (3 - len(numbers)))


def _named(facts: Facts, *names: str) -> str:
    """Write the named packages with their versions."""
    return ' with '.join(f'{name} {facts.versions[name]}' for name in names
                         if name in facts.versions)


def _both_stacks(facts: Facts) -> Optional[str]:
    pairs = [_named(facts, official, fork) for official, fork in FORKS
             if facts.has(official) and facts.has(fork)]
    return '; '.join(pairs) or None


def _torch_pair(facts: Facts) -> Optional[str]:
    need = re.match(r'(==|>=)\s*([\d.]+)', facts.torchvision_needs or '')
    if not need or not facts.has('torch') or not facts.has('torchvision'):
        return None
    wanted, found = _numbers(need[2]), _numbers(facts.versions['torch'])
    fits = found == wanted if need[1] == '==' else found >= wanted
    if fits:
        return None
    return (_named(facts, 'torchvision', 'torch')
            + f', but it asks for torch{facts.torchvision_needs}')


def _cpu_torch(facts: Facts) -> Optional[str]:
    if (facts.versions.get('torch', '').endswith('+cpu')
            and facts.has('torchvision')
            and not facts.versions['torchvision'].endswith('+cpu')):
        return _named(facts, 'torch', 'torchvision')
    return None


def _resume(facts: Facts) -> Optional[str]:
    if facts.has('torch', '2.6') and facts.has('mmengine', below='0.11'):
        return _named(facts, 'mmengine', 'torch')
    return None


def _pkg_resources(facts: Facts) -> Optional[str]:
    users = [name for name, below in (('mmengine', '0.11'), ('openmim', ''))
             if facts.has(name, below=below)]
    if users and facts.has('setuptools', '82'):
        return _named(facts, 'setuptools', *users)
    return None


def _mim_pins(facts: Facts) -> Optional[str]:
    old = (facts.has('torch', '2.14')
           and facts.has('setuptools', below='77.0.3'))
    if facts.has('openmim') and (old or facts.has('openxlab', '0.0.12')):
        return _named(facts, 'openmim', 'openxlab', 'setuptools')
    return None


def _mmcv_ceiling(facts: Facts) -> Optional[str]:
    for mmcv in ('mmcv', 'mmcv-lite', 'onedl-mmcv'):
        if facts.has(mmcv, '2.2') and facts.has('mmaction2'):
            return _named(facts, 'mmaction2', mmcv)
    return None


def _mmaction_models(facts: Facts) -> Optional[str]:
    if not facts.has('mmaction2'):
        return None
    if not facts.has_drn:
        return (_named(facts, 'mmaction2')
                + ' lacks mmaction.models.localizers.drn')
    if facts.has('transformers', '4.57'):
        return _named(facts, 'mmaction2', 'transformers')
    return None


def _multimodal(facts: Facts) -> Optional[str]:
    if (facts.has('pycocotools') and facts.has('transformers', '5')
            and (facts.has('mmpretrain') or facts.has('onedl-mmpretrain'))):
        return _named(facts, 'pycocotools', 'transformers')
    return None


def _numpy(facts: Facts) -> Optional[str]:
    if facts.has('numpy', '2') and (
            facts.has('mmcv', below='2.3') or facts.has('mmcv-lite',
                                                        below='2.3')
            or facts.has('mmpretrain', below='1.3')):
        return _named(facts, 'numpy', 'mmcv', 'mmcv-lite', 'mmpretrain')
    return None


def _opencv(facts: Facts) -> Optional[str]:
    found = [name for name in OPENCV if name in facts.versions]
    if len({facts.versions[name] for name in found}) > 1:
        return _named(facts, *found)
    return None


def _libgl(facts: Facts) -> Optional[str]:
    windowed = [name for name in OPENCV
                if facts.has(name) and not name.endswith('headless')]
    if windowed and not facts.has_libgl:
        return _named(facts, *windowed) + ' finds no libGL.so.1'
    return None


def _mim_folder(facts: Facts) -> Optional[str]:
    if facts.has('lm4ve_mm') and not facts.has_mim_folder:
        return 'this install has no lm4ve_mm/.mim folder'
    return None


Check = Tuple[str, Callable[[Facts], Optional[str]], str]
CHECKS: Tuple[Check, ...] = (
    ('official and onedl toolboxes over each other', _both_stacks,
     'they share their folders: pip uninstall both, then install one'),
    ('torchvision for another torch', _torch_pair,
     'install the tested pair: pip install torch==2.15.0 '
     'torchvision==0.29.2'),
    ('CPU torch beside CUDA-built torchvision', _cpu_torch,
     'take both from the same source: torch==2.15.0 torchvision==0.29.2 from '
     'PyPI, or both as +cpu builds'),
    ('resuming under the safe loader', _resume, REPAIRED),
    ('pkg_resources gone', _pkg_resources,
     'pip install "setuptools>=77.0.3,<82"; for mmengine alone it is '
     + REPAIRED),
    ('openmim dragging old pins', _mim_pins,
     'pip install openmim==0.3.9 openxlab==0.0.11 "setuptools>=77.0.3,<82", '
     'in one command'),
    ('mmaction2 refusing this mmcv', _mmcv_ceiling,
     REPAIRED),
    ('import mmaction.models', _mmaction_models,
     REPAIRED + '; DRN and VindLU alone are left out'),
    ('mmpretrain multimodal models with transformers 5', _multimodal,
     'import mmpretrain.models fails altogether: pip uninstall pycocotools'),
    ('toolboxes written for numpy 1', _numpy, REPAIRED),
    ('OpenCV packages of different versions', _opencv,
     'they share the folder cv2: uninstall all of them, then install the '
     'needed ones at one version'),
    ('OpenCV without libGL', _libgl,
     'apt install libgl1 libglib2.0-0, or put opencv-python-headless in '
     'place of the others'),
    ('editable install without .mim', _mim_folder,
     'mim and lm4ve_mm:: names find no configs: pip install -e . again'),
)


def diagnose(facts: Optional[Facts] = None) -> List[Finding]:
    """Judge an environment.

    Args:
        facts (Facts, optional): What is installed. Defaults to what
            :func:`collect` finds here.

    Returns:
        list[Finding]: One per known breakage, present or not.
    """
    facts = collect() if facts is None else facts
    return [Finding(name, check(facts), remedy)
            for name, check, remedy in CHECKS]


def collect() -> Facts:
    """Look at this environment, without importing any of it."""
    versions = {}
    for name in PACKAGES + ('lm4ve_mm',):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    mmaction = find_spec('mmaction')
    has_drn = mmaction is None or Path(mmaction.origin).with_name(
        'models').joinpath('localizers', 'drn').is_dir()
    return Facts(
        versions=versions,
        torchvision_needs=_torch_of_torchvision(),
        has_drn=has_drn,
        has_libgl=_has_libgl(),
        has_mim_folder=Path(__file__).with_name('.mim').is_dir())


def _torch_of_torchvision() -> Optional[str]:
    """Read which torch the installed torchvision asks for."""
    try:
        needs = metadata.requires('torchvision') or []
    except metadata.PackageNotFoundError:
        return None
    for need in needs:
        match = re.match(r'torch\s*\(?((==|>=)\s*[\d.]+)', need)
        if match:
            return match[1]
    return None


def _has_libgl() -> bool:
    """Tell whether OpenCV's windowed builds find what they link to."""
    if sys.platform != 'linux':
        return True
    try:
        ctypes.CDLL('libGL.so.1')
    except OSError:
        return False
    return True


def _device() -> str:
    """Say which accelerator torch sees."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return f'torch cannot be imported: {error}'
    if torch.cuda.is_available():
        return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name()}'
    return f'CPU only (torch built for CUDA {torch.version.cuda or "none"})'


def main() -> None:
    """Print the report."""
    facts = collect()
    print(f'lm4ve_mm {__version__}')
    print(f'Python {platform.python_version()} on {platform.platform()}')
    print(f'Device: {_device()}\n')
    for name in PACKAGES:
        print(f'  {name:32s}{facts.versions.get(name, "-")}')
    print('\nKnown breakages:')
    for finding in diagnose(facts):
        print(f'  [{"found" if finding.present else "  -  "}] {finding.name}')
        if finding.present:
            print(f'          here: {finding.problem}')
            print(f'          then: {finding.remedy}')


if __name__ == '__main__':
    main()
