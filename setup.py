"""Build hooks; everything that is only data is in setup.cfg.

MMEngine and mim look for configs and tools in ``lm4ve_mm/.mim``. A wheel
gets copies there; an editable install gets links into the checkout.

A project's package ``projects/<task>/lm4ve_<task>`` is installed beside
``lm4ve_mm``, under its own name.
"""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

REPO = Path(__file__).resolve().parent
PACKAGE = 'lm4ve_mm'
PREFIX = 'lm4ve_'
MIM_ENTRIES = ('configs', 'tools', 'projects', 'model-index.yml')
# The projects' packages are installed where packages lie, not in `.mim`.
NOT_SHIPPED = shutil.ignore_patterns('__pycache__', '*.pyc', 'work_dirs',
                                     'data', 'checkpoints', '.*', '*.pth',
                                     '*.safetensors', 'tests', f'{PREFIX}*')
PROJECT_PACKAGES = {
    file.parent.name: file.parent.relative_to(REPO).as_posix()
    for file in sorted(REPO.glob(f'projects/*/{PREFIX}*/__init__.py'))
}


def mim_sources() -> list[Path]:
    """List what goes into ``.mim``, as far as this checkout has it."""
    return [REPO / name for name in MIM_ENTRIES if (REPO / name).exists()]


def copy_mim(folder: Path) -> None:
    """Fill ``folder`` with copies."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for source in mim_sources():
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=NOT_SHIPPED)
        else:
            shutil.copy2(source, folder)


def link_mim(folder: Path) -> None:
    """Fill ``folder`` with relative links."""
    folder.mkdir(exist_ok=True)
    for name in MIM_ENTRIES:
        link = folder / name
        if link.is_symlink():
            link.unlink()
        if (REPO / name).exists():
            link.symlink_to(Path('..', '..', name))


class BuildWithMim(build_py):
    """Add ``.mim`` to what is built."""

    def run(self) -> None:
        """Copy into the build folder, or link in an editable install."""
        super().run()
        if self.editable_mode:
            link_mim(REPO / PACKAGE / '.mim')
        else:
            copy_mim(Path(self.build_lib) / PACKAGE / '.mim')


class EditableForMim(editable_wheel):
    """Tell mim and MMEngine 0.10 where an editable install lies.

    They join site-packages with the first line of ``top_level.txt``, and an
    absolute path wins such a join.
    """

    def run(self) -> None:
        """Write the metadata, correct it, and build the wheel from it."""
        self._ensure_dist_info()
        names = Path(self.dist_info_dir) / 'top_level.txt'
        lines = [str(REPO / PACKAGE), PACKAGE, *PROJECT_PACKAGES]
        names.write_text('\n'.join(lines) + '\n')
        super().run()



def all_packages() -> list[str]:
    """List our package and those of the projects, with what is in them."""
    names = find_packages(str(REPO), include=[f'{PACKAGE}*'])
    for package, folder in PROJECT_PACKAGES.items():
        names.append(package)
        names += [f'{package}.{name}'
                  for name in find_packages(str(REPO / folder))]
    return names


setup(
    packages=all_packages(),
    package_dir=PROJECT_PACKAGES,
    cmdclass={
        'build_py': BuildWithMim,
        'editable_wheel': EditableForMim
    })
