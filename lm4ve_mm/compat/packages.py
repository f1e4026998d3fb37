"""How MMEngine finds installed packages and their configs."""

import inspect
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import mmengine.utils
from mmengine.config import Config, config
from mmengine.config import utils as config_utils
from mmengine.hub import hub
from mmengine.utils import package_utils

from .facts import THIS_PACKAGE


def replace_pkg_resources() -> bool:
    """Find packages through the standard library.

    Where ``pkg_resources`` is still there it warns at each call, and looks
    for editable packages in site-packages.
    """
    source = inspect.getsource(package_utils.get_installed_path)
    if 'pkg_resources' not in source:
        return False
    for module in (package_utils, mmengine.utils, config, hub):
        for function in (is_installed, get_installed_path):
            if hasattr(module, function.__name__):
                setattr(module, function.__name__, function)
    return True


def is_installed(package: str) -> bool:
    """Tell whether a distribution or a module of this name is there."""
    try:
        get_installed_path(package)
    except ModuleNotFoundError:
        return False
    return True


def get_installed_path(package: str) -> str:
    """Return the folder of a package's modules.

    Args:
        package: Name of a distribution (``mmaction2``) or of a module
            (``mmaction``).

    Returns:
        str: The folder, in the checkout for an editable install.

    Raises:
        ModuleNotFoundError: If there is no such package.
    """
    try:
        listed = metadata.distribution(package).read_text('top_level.txt')
    except metadata.PackageNotFoundError:
        listed = None
    # Lines that are no names are paths: see the editable wheel in setup.py.
    for name in [package, *(listed or '').split()]:
        spec = find_spec(name) if name.isidentifier() else None
        if spec is not None and spec.origin is not None:
            return str(Path(spec.origin).parent)
    raise ModuleNotFoundError(
        f'{package} is not installed, so its configs cannot be found: '
        f'pip install {package}')


def know_this_package() -> bool:
    """Let a config inherit ours by name: ``lm4ve_mm::vit_s_in1k.py``.

    MMEngine refuses packages outside a closed table, and names without a
    folder. It also writes the package as the scope into every dict that is
    inherited; ours say the scope of each type, and keep the default scope
    of their host.
    """
    split, locate = (config_utils._get_package_and_cfg_path,
                     Config._get_cfg_path)
    if THIS_PACKAGE in config_utils.MODULE2PACKAGE:
        return False
    config_utils.MODULE2PACKAGE[THIS_PACKAGE] = THIS_PACKAGE

    def package_and_config(name: str) -> tuple[str, str]:
        package, _, path = name.partition('::')
        return (package, path) if package == THIS_PACKAGE else split(name)

    def path_and_scope(name: str, filename: str) -> tuple[str, str | None]:
        path, scope = locate(name, filename)
        return path, None if scope == THIS_PACKAGE else scope

    for module in (config_utils, config, hub):
        module._get_package_and_cfg_path = package_and_config
    Config._get_cfg_path = staticmethod(path_and_scope)
    return True


def know_the_fork() -> bool:
    """Let a config inherit ``mmseg::NAME`` on the onedl forks.

    MMEngine looks for a distribution called mmsegmentation; the fork's is
    onedl-mmsegmentation.
    """
    known = config_utils.MODULE2PACKAGE
    if (known.get('mmseg') == 'mmseg' or find_spec('mmseg') is None
            or is_installed('mmsegmentation')):
        return False
    known['mmseg'] = 'mmseg'
    return True
