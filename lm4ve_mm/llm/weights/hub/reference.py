"""``hf://OWNER/MODEL@REVISION``: how a checkpoint on the hub is named."""

import re
from dataclasses import dataclass
from typing import Callable, List, Optional

from ...errors import CheckpointError

HUB_SCHEME = 'hf://'
# (All names of a model, a layer) -> the names that are needed of it.
Select = Callable[[List[str], int], List[str]]

_REPO = re.compile(r'[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*', re.ASCII)
# First parts of paths that people write and that are nobody's account.
_FOLDERS = ('checkpoints', 'ckpts', 'data', 'models', 'pretrained', 'weights',
            'work_dirs')


@dataclass(frozen=True)
class HubModel:
    """A model on the hub.

    Args:
        repo: ``OWNER/MODEL``.
        revision: A branch, a tag or a commit; the hub's ``main`` by default.
    """

    repo: str
    revision: str = 'main'

    @classmethod
    def parse(cls, checkpoint: str) -> Optional['HubModel']:
        """Read ``hf://OWNER/MODEL`` or ``hf://OWNER/MODEL@REVISION``.

        Returns:
            HubModel: None if ``checkpoint`` does not start with ``hf://``.

        Raises:
            CheckpointError: If it does, and goes on in another form.
        """
        if not str(checkpoint).startswith(HUB_SCHEME):
            return None
        rest = str(checkpoint)[len(HUB_SCHEME):]
        repo, at, revision = rest.partition('@')
        if not _REPO.fullmatch(repo) or (at and not revision.strip()):
            raise CheckpointError(
                f'{checkpoint!r} names no model: write hf://OWNER/MODEL or '
                'hf://OWNER/MODEL@REVISION, where REVISION is a branch, a tag '
                'or a commit, such as hf://openai-community/gpt2@main')
        return cls(repo, revision) if at else cls(repo)

    @property
    def name(self) -> str:
        """The model without its owner, as a folder of it would be called."""
        return self.repo.partition('/')[2]

    def __str__(self) -> str:
        return f'{HUB_SCHEME}{self.repo}@{self.revision}'


def looks_like_repo(path: str) -> bool:
    """Whether a path that does not exist may have been meant for the hub."""
    return bool(_REPO.fullmatch(path)) and not path.startswith(
        tuple(f'{folder}/' for folder in _FOLDERS))
