"""Which files of a checkpoint folder are read."""

import logging
from collections.abc import Container
from pathlib import Path

from ..errors import CheckpointError, CheckpointNotFoundError
from .tensor_files import (
    MappedFiles,
    ModelParallelFiles,
    TensorSource,
    safetensors_files,
    single_safetensors_file,
    single_torch_file,
    torch_files,
)
from .unreadable import read_json

_LOG = logging.getLogger(__name__)

# Files of weights, in the order in which transformers looks for them.
SINGLE, INDEX = 'model.safetensors', 'model.safetensors.index.json'
BIN, BIN_INDEX = 'pytorch_model.bin', 'pytorch_model.bin.index.json'
WEIGHTS = (SINGLE, INDEX, BIN, BIN_INDEX)
META = 'consolidated.*.pth'
# A key of the configuration that names the file of weights.
NAMED_WEIGHTS = 'transformers_weights'
ADAPTER = 'adapter_config.json'


def named_weights(config: dict) -> str | None:
    """The file of weights that a configuration names, if it does.

    Raises:
        CheckpointError: If that is no safetensors file of the same folder.
    """
    file = config.get(NAMED_WEIGHTS)
    if file is None:
        return None
    path = Path(file) if isinstance(file, str) else Path('..')
    if path.is_absolute() or '..' in path.parts or not path.name.endswith(
            ('.safetensors', '.safetensors.index.json')):
        raise CheckpointError(
            f'{NAMED_WEIGHTS}={file!r} in the configuration should name a '
            '.safetensors file of the same folder, or an index of such files')
    return file


def indexed(folder: Path, index: str) -> dict[str, Path]:
    """Tensor name -> file, as an index of Hugging Face says.

    Raises:
        CheckpointError: If it is no such index.
    """
    weight_map = read_json(folder / index).get('weight_map')
    if not isinstance(weight_map, dict) or not all(
            isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(
            f"{folder / index} has no 'weight_map' of tensor names and files")
    base = (folder / index).parent
    return {name: base / file for name, file in weight_map.items()}


def refuse_adapter(files: Container[str], where: object) -> None:
    """Refuse what holds an adapter where a language model is expected.

    Args:
        files: Names of the files that are there.
        where: What the error message calls the place.

    Raises:
        CheckpointError: If one of them is the adapter's configuration.
    """
    if ADAPTER in files:
        raise CheckpointError(
            f'{where} holds an adapter (LoRA or another of PEFT), not a '
            f'language model. Merge it into its base model, which {ADAPTER} '
            'names (merge_and_unload() of PEFT), save that and give its '
            'folder')


def open_folder(folder: Path, named: str | None = None) -> TensorSource:
    """Find the tensors of a Hugging Face or Meta folder.

    Args:
        folder: The folder.
        named: The file that its configuration names, if it does.

    Raises:
        CheckpointNotFoundError: If it has none of the known files.
        CheckpointError: If one of them is broken.
    """
    for file in (named, ) if named else WEIGHTS:
        if not (folder / file).is_file():
            continue
        if file == SINGLE and (folder / INDEX).is_file():
            _LOG.info('%s: %s is read, as transformers does; %s beside it '
                      'is left alone', folder, SINGLE, INDEX)
        if (folder / ADAPTER).is_file():
            _LOG.warning('%s also holds an adapter, which is not applied: '
                         'the block is that of %s', folder, file)
        return _open(folder, file)
    shards = sorted(folder.glob(META))
    if shards and not named:
        return ModelParallelFiles(shards)
    found = listed(folder)
    raise CheckpointNotFoundError(
        f'{folder} has a configuration but no weights: expected '
        f'{named or ", ".join((*WEIGHTS, META))}; found '
        f'{found}' +
        ('. GGUF files are not read: take the checkpoint for transformers, '
         'with safetensors' if '.gguf' in found else ''))


def listed(folder: Path) -> str:
    """What a folder holds, for an error message."""
    def described(path: Path) -> str:
        return path.name if path.exists() else f'{path.name} (a broken link)'

    return ', '.join(map(described, sorted(folder.iterdir()))) or 'nothing'


def _open(folder: Path, file: str) -> MappedFiles:
    if file.endswith('.index.json'):
        files = indexed(folder, file)
        return (torch_files if file == BIN_INDEX else safetensors_files)(files)
    single = single_torch_file if file == BIN else single_safetensors_file
    return single(folder / file)
