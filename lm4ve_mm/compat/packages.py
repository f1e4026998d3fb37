"""How MMEngine finds installed packages and their configs."""

import inspect
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Tuple

THIS_PACKAGE = 'lm4ve_mm'


def replace_pkg_resources() -> None:
    """Find packages through the standard library.

    Seen broken: mmengine 0.10.7 with setuptools >= 82.0.0, which no longer
    brings ``pkg_resources``: every ``_base_ = 'mmpretrain::...'`` and
    ``mmengine.hub.get_config`` fail. With older ones they warn at each call,
    and look for editable packages in site-packages. Fixed in onedl-mmengine
    0.10.12 and mmengine 0.11.0rc3. Removable with mmengine 0.10.
    """
    import mmengine.utils
    from mmengine.config import config
    from mmengine.hub import hub
    from mmengine.utils import package_utils

    source = inspect.getsource(package_utils.get_installed_path)
    if 'pkg_resources' not in source:
        return
    for module in (package_utils, mmengine.utils, config, hub):
        for function in (is_installed, get_installed_path):
            if hasattr(module, function.__name__):
                setattr(module, function.__name__, function)


def is_installed(package: str) -> bool:
    """Tell whether a distribution or a module of this name is there."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        spec = find_spec(package)
        return spec is not None and spec.origin is not None
    return True


def get_installed_path(package: str) -> str:
    """Return the folder of a package's modules.

    Args:
        package (str): Name of a distribution (``mmaction2``) or of a module
            (``mmaction``).

    Returns:
        str: The folder, in the checkout for an editable install.

    Raises:
        ModuleNotFoundError: If there is no such package.
    """
    # Lines that are no names are paths: see the editable wheel in setup.py.
    names = [package]
    try:
        listed = metadata.distribution(package).read_text('top_level.txt')
    except metadata.PackageNotFoundError:
        listed = None
    names += [name for name in (listed or '').split() if name.isidentifier()]
    for name in names:
        spec = find_spec(name) if name.isidentifier() else None
        if spec is not None and spec.origin is not None:
            return str(Path(spec.origin).parent)
    raise ModuleNotFoundError(
        f'{package} is not installed, so its configs cannot be found: '
        f'pip install {package}')


def know_this_package() -> None:
    """Let configs of this package be named ``lm4ve_mm::vit_s_in1k.py``.

    Seen broken: mmengine 0.10.7 and 0.11.0rc3, which refuse every package
    outside a closed table, and every config without a folder in its name.
    Removable when MMEngine accepts third-party packages and flat names.
    """
    from mmengine.config import config, utils
    from mmengine.hub import hub

    utils.MODULE2PACKAGE.setdefault(THIS_PACKAGE, THIS_PACKAGE)
    if utils._get_package_and_cfg_path is _package_and_config:
        return
    _package_and_config.upstream = utils._get_package_and_cfg_path
    for module in (utils, config, hub):
        module._get_package_and_cfg_path = _package_and_config


def _package_and_config(name: str) -> Tuple[str, str]:
    """Split ``package::config``; ours may lie right in ``configs/``."""
    package, _, config = name.partition('::')
    if package == THIS_PACKAGE and config:
        return package, config
    return _package_and_config.upstream(name)
