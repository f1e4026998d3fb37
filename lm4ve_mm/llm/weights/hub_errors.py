"""What the hub answers when it does not give a model, in words that help."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import constants, errors, get_token

from ..errors import CheckpointError, CheckpointNotFoundError

_TOKEN = 'hf auth login, or the environment variable HF_TOKEN'
# What the hub's library raises -> the reason; the first that fits counts.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (errors.GatedRepoError, 'it is gated, and {account}. Accept its licence '
     'at {hub}/{repo} with an account, sign in ({token}), and if it may read '
     'too little, give a fine-grained token the permission to read gated '
     'repositories (owners may take time to grant access)'),
    (errors.RepositoryNotFoundError, '{hub} has no model {repo!r} that you '
     'may see. Is it spelt right? A private one needs a token: {token}'),
    (errors.RevisionNotFoundError, 'the model has no revision {revision!r}: '
     'give a branch, a tag or a commit of it, or leave @REVISION out'),
    (errors.HFValidationError, 'that is no name of a model ({error})'),
    (errors.HfHubHTTPError, '{hub} answered {status} ({error}). If it '
     'refuses the token (401), that may have expired; another: {token}'),
    (Exception, '{hub} cannot be reached ({cause}), and what is needed is '
     'not in the cache. Check the network, the proxy and HF_ENDPOINT'))
_OFFLINE = ('HF_HUB_OFFLINE is set, and what is needed is not in the cache '
            '({caches}). Run once with HF_HUB_OFFLINE=0, or copy the two '
            'folders from a machine that did')


@contextmanager
def explained(model: Any) -> Iterator[None]:
    """Turn what the hub's library raises into one error that helps.

    Raises:
        CheckpointNotFoundError: With what was asked, the reason and remedies.
        CheckpointError: If a cache cannot be written.
    """
    by_hand = (f'Or get the model on another machine, hf download '
               f'{model.repo} --local-dir FOLDER, and set checkpoint=FOLDER')
    caches = f'{constants.HF_HUB_CACHE}, {constants.HF_ASSETS_CACHE}'
    try:
        yield
    except (errors.HTTPError, errors.HFValidationError, errors.
            LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        reason = next(text for kind, text in _REASONS
                      if isinstance(error, kind))
        if constants.HF_HUB_OFFLINE:
            reason = _OFFLINE
        account = 'no token was sent' if get_token() is None else (
            'the account of your token has no access to it')
        status = getattr(getattr(error, 'response', None), 'status_code', '')
        reason = reason.format(
            hub=constants.ENDPOINT, repo=model.repo, revision=model.revision,
            token=_TOKEN, error=error, cause=error.__cause__ or error,
            caches=caches, account=account, status=status)
        raise CheckpointNotFoundError(
            f'{model} cannot be read: {reason}.\n{by_hand}') from error
    except OSError as error:
        if error.errno is None:  # one of ours, which speaks for itself
            raise
        raise CheckpointError(
            f'what is fetched of {model} cannot be kept: {error}. Set '
            f'HF_ASSETS_CACHE (now {constants.HF_ASSETS_CACHE}, for layers) '
            f'and HF_HUB_CACHE (now {constants.HF_HUB_CACHE}, for whole '
            'files), or HF_HOME for both, to folders that you may write to.\n'
            + by_hand) from error
