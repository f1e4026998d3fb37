"""What a model starts from: loading a file, completely, last, and provably.

Every load of MMEngine goes through :func:`load_into` once the plugin is
imported (:mod:`lm4ve_mm.compat.starts`): ``init_cfg`` of any spelling,
``load_from``, ``get_model(pretrained=)``, the inferencers and tests.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from lm4ve_mm.llm import CheckpointError, digest
from lm4ve_mm.llm.verified_layer import IDENTITY_KEY
from lm4ve_mm.published.formats import FORMATS
from lm4ve_mm.published.host_names import Fit, fit
from lm4ve_mm.published.positions import described

from .frozen_llm_backbone import FrozenLLMBackbone
from .left_out import may_differ, require_host
from .necks.token_pooling import TokenPoolingNeck
from .origins import remember

# Tensor -> the file that it was read from.
_FILES = WeakIdKeyDictionary()
_UNKNOWN = 'the given weights'
_initialising: ContextVar[bool] = ContextVar('initialising', default=False)


class _Pending(NamedTuple):
    """What a file has put into a module before all is initialised."""

    file: str
    loaded: dict[str, Tensor]
    spare_norm: dict[str, Tensor]


def note_file(checkpoint: Any, file: str) -> None:
    """Remember which file the tensors of a checkpoint are from.

    Args:
        checkpoint: The content of the file.
        file: Its name, for the log and for messages.
    """
    if isinstance(checkpoint, Tensor):
        _FILES[checkpoint] = file
    elif isinstance(checkpoint, Mapping):
        for key, value in checkpoint.items():
            if key != 'optimizer':
                note_file(value, file)


def _file_of(state: Mapping) -> str:
    """Where tensors were read from."""
    for value in state.values():
        if isinstance(value, Tensor) and value in _FILES:
            return _FILES[value]
        if isinstance(value, Mapping):
            found = _file_of(value)
            if found != _UNKNOWN:
                return found
    return _UNKNOWN


def prefix_of(module: nn.Module) -> str:
    """Where a module stands in a model; ``''`` for a model."""
    if isinstance(module, TokenPoolingNeck):
        return 'neck.'
    whole = hasattr(module, 'backbone') and not isinstance(
        module, FrozenLLMBackbone)
    return '' if whole else 'backbone.'


def load_into(module: nn.Module, state: Mapping, strict: bool = False,
              file: str | None = None) -> None:
    """Load weights into a model or a part of one.

    Names are translated: a published format, a host that stands elsewhere, a
    final norm that the neck owns. What was left out is logged.

    Args:
        module: The model or part.
        state: The content of a file, or tensors by name.
        strict: Whether everything has to match, as for a test.
        file: Where the weights are from, if MMEngine has not read them.

    Raises:
        RuntimeError: If ``strict`` and anything does not match.
        CheckpointError: If not ``strict`` and the host is not filled.
    """
    while is_model_wrapper(module) or isinstance(module, BaseTTAModel):
        module = module.module
    file = file or _file_of(state)
    translates = getattr(module, 'reads_published_files', False)
    if translates:
        placed = fit(state, nn.Module())
        given = dict(placed.rest)
    else:
        placed = fit(state, module, prefix_of(module), FORMATS)
        given = {**placed.found.weights, **placed.rest}
    differs = [] if strict else _leave_out_heads(module, given)
    try:
        lacking, unused = module.load_state_dict(given, strict=False)
    except RuntimeError as error:
        if type(error) is not RuntimeError:
            raise
        raise _misfit(error, file, strict) from error
    lacking = [n for n in lacking if not n.endswith('num_batches_tracked')]
    if strict:
        _require_all(lacking, unused)
    else:
        require_host(module, [*lacking, *differs], list(given), file,
                     lenient=_initialising.get())
    # Which names have a place, a module that translates them knows alone.
    _report(module, placed, file, lacking, differs,
            unused if translates else unused_of(placed))
    names = [n for n in module.state_dict()
             if n not in lacking and n not in differs]
    keep(module, file, names, placed)


def keep(module: nn.Module, file: str, names: Sequence[str],
         placed: Fit) -> None:
    """See to it that what was just loaded stays, until training starts.

    Args:
        module: What was loaded.
        file: From where.
        names: Of the tensors, in the module.
        placed: What the file holds.
    """
    if _initialising.get():
        own = module.state_dict()
        module.__dict__.setdefault('_pending_starts', []).append(_Pending(
            file, {n: own[n].clone() for n in names},
            {part: placed.rest[name]
             for part, name in placed.spare_norm.items()}))
    else:
        remember(module, file, names)


def _leave_out_heads(module: nn.Module, given: dict[str, Tensor]) -> list[str]:
    """Drop what a head of another number of classes cannot take."""
    own = module.state_dict()
    differs = [name for name, tensor in given.items() if name in own
               and isinstance(tensor, Tensor)
               and tensor.shape != own[name].shape
               and may_differ(module, name)]
    for name in differs:
        del given[name]
    return differs


def _misfit(error: RuntimeError, file: str, strict: bool) -> Exception:
    """The error for tensors of another shape."""
    lines = '\n'.join(line.strip() for line in str(error).splitlines()[1:])
    if strict:
        return RuntimeError(
            f'The model and loaded state dict do not match exactly\n\n{lines}')
    return CheckpointError(
        f'{file} does not fit: {lines}. Start from a file of the same '
        'architecture, or give the config that of the file')


def _require_all(lacking: list[str], unused: list[str]) -> None:
    """Raise in MMEngine's words if a strict load has left anything out."""
    said = []
    if unused:
        said.append('unexpected key in source state_dict: '
                    f'{", ".join(unused)}\n')
    if lacking:
        said.append('missing keys in source state_dict: '
                    f'{", ".join(lacking)}\n')
    if said:
        raise RuntimeError('\n'.join([
            'The model and loaded state dict do not match exactly\n', *said]))


def unused_of(placed: Fit) -> list[str]:
    """Names of a file that have no place, nor will have one in a neck."""
    later = placed.spare_norm.values() if _initialising.get() else ()
    return [name for name in placed.rest if name not in later]


def _report(module: nn.Module, placed: Fit, file: str, lacking: list[str],
            differs: list[str], unused: list[str]) -> None:
    """Log what was loaded, and all that was not."""
    count = len(module.state_dict()) - len(lacking) - len(differs)
    heads = (f' Of another shape, left as initialised: {differs}.'
             if differs else '')
    print_log(
        f'{file}: {placed.found.kind} file, {count} tensors of '
        f'{type(module).__name__}. Missing, left as initialised: {lacking}. '
        f'Unused: {unused}.{heads}{described(placed.grids)}'
        f'{_unproven(lacking)}', logger='current',
        level=logging.WARNING if lacking or differs or unused
        else logging.INFO)


def _unproven(lacking: list[str]) -> str:
    """Says of maps whose file does not name their block, that it does not."""
    end = f'.{IDENTITY_KEY}'
    layers = [name.removesuffix(end) for name in lacking
              if name.endswith(end)]
    found = [name for name in layers if f'{name}.map_in.weight' not in lacking]
    return (f' It does not say which block {", ".join(found)} was trained '
            'with: nobody can tell whether it is the one in this model.'
            if found else '')


@contextmanager
def files_last(root: nn.Module) -> Iterator[None]:
    """Run ``init_weights`` so that files have the last word.

    Other initialisers may run after a file was read: those of the module's
    children, and what a class draws in its own ``init_weights``.

    Args:
        root: The module whose ``init_weights`` was called. Within another
            such call nothing is done.
    """
    if _initialising.get():
        yield
        return
    token = _initialising.set(True)
    try:
        yield
    finally:
        _initialising.reset(token)
    # Parents after their children: their files win, as in MMEngine.
    for prefix, module in reversed(list(root.named_modules())):
        for pending in module.__dict__.pop('_pending_starts', ()):
            _restore(root, prefix, module, pending)


def _restore(root: nn.Module, prefix: str, module: nn.Module,
             pending: _Pending) -> None:
    """Put a file's tensors back where they were drawn again, and say so."""
    own = module.state_dict()
    drawn = [name for name, tensor in pending.loaded.items()
             if not torch.equal(own[name], tensor)]
    for name in drawn:
        own[name].copy_(pending.loaded[name])
    remember(module, pending.file, list(pending.loaded))
    again = (f' ({len(drawn)} of them loaded again after other initialisers)'
             if drawn else '')
    print_log(
        f'{pending.file}: after all initialisation {len(pending.loaded)} '
        f'tensors of {prefix or type(module).__name__} are those of the '
        f'file{again}, sha256 {digest([pending.loaded])[:16]}',
        logger='current')
    if pending.spare_norm:
        given = _give_norm(root, prefix, pending)
        print_log(
            f"{pending.file}: the host's final norm " +
            ('goes to the neck, which owns it here' if given else
             'has no place here and is not used'), logger='current')


def _give_norm(root: nn.Module, prefix: str, pending: _Pending) -> bool:
    """Give the host's final norm to the neck that owns it, if there is one."""
    neck = None
    while prefix and neck is None:
        prefix = prefix.rpartition('.')[0]
        found = getattr(root.get_submodule(prefix), 'neck', None)
        neck = found if isinstance(found, TokenPoolingNeck) else None
    if neck is None:
        return False
    own = neck.norm.state_dict()
    if any(name not in own or own[name].shape != tensor.shape
           for name, tensor in pending.spare_norm.items()):
        return False
    for name, tensor in pending.spare_norm.items():
        own[name].copy_(tensor)
    remember(neck.norm, pending.file, list(pending.spare_norm))
    return True
