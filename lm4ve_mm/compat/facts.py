"""What is installed here, looked up without importing any of it."""

import ctypes
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from lm4ve_mm.utils.install import find_module

PACKAGES = (
    'torch', 'torchvision', 'numpy', 'safetensors', 'mmengine', 'mmcv-lite',
    'mmcv', 'mmpretrain', 'mmaction2', 'mmsegmentation', 'mmdet',
    'onedl-mmengine', 'onedl-mmcv', 'onedl-mmpretrain',
    'onedl-mmsegmentation', 'onedl-mmdetection', 'transformers', 'timm',
    'opencv-python', 'opencv-contrib-python', 'opencv-python-headless',
    'opencv-contrib-python-headless', 'decord', 'av', 'h5py', 'scikit-learn',
    'matplotlib', 'pycocotools', 'setuptools', 'openmim', 'openxlab',
    'onedl-mim', 'pip')
THIS_PACKAGE = 'lm4ve_mm'


@dataclass(frozen=True)
class Facts:
    """What breakages are judged by; every field can be given by a test.

    Args:
        versions: Distribution name -> version.
        torchvision_needs: The torch that torchvision's metadata asks for,
            such as ``'==2.14.0'``.
        has_drn: Whether ``mmaction.models.localizers.drn`` is there.
        has_operators: Whether mmcv's compiled operators are there.
        has_libgl: Whether ``libGL.so.1`` can be loaded.
        has_mim_folder: Whether this package has its ``.mim`` folder.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    torchvision_needs: str | None = None
    has_drn: bool = True
    has_operators: bool = True
    has_libgl: bool = True
    has_mim_folder: bool = True

    def has(self, name: str, low: str = '0', below: str = '') -> bool:
        """Tell whether ``name`` is installed with low <= version < below."""
        if name not in self.versions:
            return False
        version = numbers(self.versions[name])
        return (version >= numbers(low)
                and (not below or version < numbers(below)))

    def named(self, *names: str) -> str:
        """Write those of the packages that are installed, with versions."""
        return ' with '.join(f'{name} {self.versions[name]}'
                             for name in names if name in self.versions)


def numbers(version: str) -> tuple[int, ...]:
    """Turn ``'2.13.0rc1+cpu'`` into ``(2, 13, 0)``."""
    release = re.match(r'\d+(\.\d+)*', version)
    found = [int(n) for n in release.group().split('.')] if release else []
    return tuple(found + [0] * (3 - len(found)))


def collect(load_libraries: bool = True) -> Facts:
    """Look at this environment.

    Args:
        load_libraries: Whether to try to load ``libGL.so.1``.
    """
    versions = {}
    for name in (*PACKAGES, THIS_PACKAGE):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    mmaction = find_module('mmaction')
    has_drn = mmaction is None or Path(mmaction.origin).with_name(
        'models').joinpath('localizers', 'drn').is_dir()
    mmcv = find_module('mmcv')
    has_operators = mmcv is None or any(
        Path(mmcv.origin).parent.glob('_ext.*'))
    return Facts(
        versions=versions,
        torchvision_needs=_torch_of_torchvision(),
        has_drn=has_drn,
        has_operators=has_operators,
        has_libgl=not load_libraries or _has_libgl(),
        has_mim_folder=Path(__file__).parents[1].joinpath('.mim').is_dir())


def _torch_of_torchvision() -> str | None:
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
