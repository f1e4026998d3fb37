"""What the hub answers when it does not give a model, in words that help."""

from contextlib import contextmanager
from typing import Iterator

from huggingface_hub import constants, get_token
from huggingface_hub.errors import (GatedRepoError, HfHubHTTPError,
                                    HFValidationError, LocalEntryNotFoundError,
                                    OfflineModeIsEnabled,
                                    RemoteEntryNotFoundError,
                                    RepositoryNotFoundError,
                                    RevisionNotFoundError)

from ...errors import CheckpointError, CheckpointNotFoundError
from .reference import HubModel

# Base of what the HTTP library raises: httpx below version 1 of the hub's
# library, httpx2 below version 2.
TransportError = HfHubHTTPError.__bases__[0]

_BY_HAND = ('Or get the model on another machine, hf download {repo} '
            '--local-dir FOLDER, and set checkpoint=FOLDER')
_TOKEN = 'hf auth login, or the environment variable HF_TOKEN'


def _gated(model: HubModel) -> str:
    page = f'{constants.ENDPOINT}/{model.repo}'
    if get_token() is None:
        return (f'it is gated, and no token was sent. Accept its licence at '
                f'{page}, then sign in: {_TOKEN}')
    return (f'it is gated, and the account of your token has no access to it. '
            f'Accept its licence at {page} with that account (owners may '
            'take time to grant it); a fine-grained token also needs the '
            'permission to read gated repositories. Another account: '
            f'{_TOKEN}')


def _missing_offline() -> str:
    return ('HF_HUB_OFFLINE is set, and what is needed is not in the cache '
            f'({constants.HF_HUB_CACHE}, {constants.HF_ASSETS_CACHE}). Run '
            'once with HF_HUB_OFFLINE=0, or copy the two folders from a '
            'machine that did')


def _reason(model: HubModel, error: Exception) -> str:
    if isinstance(error, GatedRepoError):  # a RepositoryNotFoundError too
        return _gated(model)
    if isinstance(error, RepositoryNotFoundError):
        return (f'{constants.ENDPOINT} has no model {model.repo!r} that you '
                'may see. Is it spelt right? A private one needs a token: '
                f'{_TOKEN}')
    if isinstance(error, RevisionNotFoundError):
        return (f'the model has no revision {model.revision!r}: give a '
                'branch, a tag or a commit of it, or leave @REVISION out')
    if isinstance(error, HFValidationError):
        return f'that is no name of a model ({error})'
    offline = isinstance(error, LocalEntryNotFoundError)
    if isinstance(error, OfflineModeIsEnabled) or (
            offline and constants.HF_HUB_OFFLINE):
        return _missing_offline()
    status = getattr(getattr(error, 'response', None), 'status_code', None)
    if status == 401:
        return (f'{constants.ENDPOINT} refuses the token (it may have '
                f'expired). Get another: {_TOKEN}')
    if status is not None:
        return f'{constants.ENDPOINT} answered {status} ({error})'
    cause = error.__cause__ or error
    return (f'{constants.ENDPOINT} cannot be reached ({cause}), and what is '
            'needed is not in the cache. Check the network, the proxy and '
            'HF_ENDPOINT')


@contextmanager
def explained(model: HubModel) -> Iterator[None]:
    """Turn what the hub's library raises into one error that helps.

    A file that the repository does not have passes through
    (``RemoteEntryNotFoundError``): the caller may know another.

    Raises:
        CheckpointNotFoundError: With what was asked, the reason and remedies.
        CheckpointError: If a cache cannot be written.
    """
    try:
        yield
    except RemoteEntryNotFoundError:
        raise
    except (TransportError, HFValidationError, LocalEntryNotFoundError,
            OfflineModeIsEnabled) as error:
        raise CheckpointNotFoundError(
            f'{model} cannot be read: {_reason(model, error)}.\n'
            f'{_BY_HAND.format(repo=model.repo)}') from error
    except OSError as error:
        if error.errno is None:  # one of ours, which speaks for itself
            raise
        raise CheckpointError(
            f'what is fetched of {model} cannot be kept: {error}. Set '
            f'HF_ASSETS_CACHE (now {constants.HF_ASSETS_CACHE}, for layers) '
            f'and HF_HUB_CACHE (now {constants.HF_HUB_CACHE}, for whole '
            'files), or HF_HOME for both, to folders that you may write to.\n'
            f'{_BY_HAND.format(repo=model.repo)}') from error
