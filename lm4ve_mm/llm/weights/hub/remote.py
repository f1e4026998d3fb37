"""What a model has on the hub at one commit."""

from pathlib import Path
from typing import Dict

from huggingface_hub import HfApi, hf_hub_download, hf_hub_url

from ...errors import CheckpointNotFoundError
from ..tensor_files import indexed
from .ranges import Entry, read_entries
from .reference import HubModel

SINGLE, INDEX = 'model.safetensors', 'model.safetensors.index.json'
BIN, BIN_INDEX = 'pytorch_model.bin', 'pytorch_model.bin.index.json'
META = 'consolidated.*.pth'


class RemoteModel:
    """Names, sizes and contents of the files, fetched when asked for.

    Args:
        model: The model.
        folder: Its folder in the hub's cache, named after the commit.
    """

    def __init__(self, model: HubModel, folder: Path) -> None:
        self.model, self.folder, self.commit = model, folder, folder.name
        info = HfApi().model_info(
            model.repo, revision=self.commit, files_metadata=True)
        self.sizes = {held.rfilename: held.size for held in info.siblings}
        # The forms in the order in which open_folder() looks for them.
        self.index, self.single = None, None
        for single, index in ((SINGLE, INDEX), (BIN, BIN_INDEX)):
            if index in self.sizes:
                self.index = index
                break
            if single in self.sizes:
                self.single = single
                break
        self._entries: Dict[str, Dict[str, Entry]] = {}

    def weight_map(self) -> Dict[str, str]:
        """Tensor name -> file, of a model with an index."""
        self.download(self.index)
        paths = indexed(self.folder, self.index)
        return {
            name: path.relative_to(self.folder).as_posix()
            for name, path in paths.items()
        }

    def check(self, file: str) -> None:
        """Raise CheckpointNotFoundError unless there is such a file."""
        if self.sizes.get(file) is None:
            raise CheckpointNotFoundError(
                f'{self.model} lists no {file} (with a size) at commit '
                f'{self.commit}, though the layer should lie in it: the '
                'upload is incomplete, take another revision')

    def download(self, file: str) -> None:
        """Get a whole file into the hub's cache, if it is not there."""
        self.check(file)
        hf_hub_download(self.model.repo, file, revision=self.commit)

    def url(self, file: str) -> str:
        """Address of a file at the commit, where it never changes."""
        return hf_hub_url(self.model.repo, file, revision=self.commit)

    def entries(self, file: str) -> Dict[str, Entry]:
        """Name -> place of every tensor in a safetensors file."""
        if file not in self._entries:
            self.check(file)
            self._entries[file] = read_entries(
                self.url(file), self.sizes[file])
        return self._entries[file]
