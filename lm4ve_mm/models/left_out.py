"""What a file may leave out of a model that starts from it, and what not."""

import re
from collections.abc import Sequence

from torch import nn

from lm4ve_mm.llm import CheckpointError, FrozenLLMLayer, MLPLayer
from lm4ve_mm.published.host_names import HOST

from .frozen_llm_backbone import FrozenLLMBackbone
from .necks.frozen_llm_neck import FrozenLLMNeck

# Where a model has its classes.
_HEAD = re.compile(r'[^.]*head[^.]*\.|(fc|classifier)\.')
# Computed when the model is built, unlike these statistics.
_STATISTICS = ('running_mean', 'running_var')
_SHOWN = 12


def _is_whole(module: nn.Module) -> bool:
    """Whether this is a model with a host, not a part of one."""
    return _host_of(module) != ('', )


def _host_of(module: nn.Module) -> tuple[str, ...]:
    """How the names of the host begin in a model; in a part of one all do.

    A model whose host is not ``backbone`` says so in ``host_parts``.
    """
    parts = getattr(module, 'host_parts', None)
    if parts is not None:
        return tuple(f'{part}.' for part in parts)
    whole = hasattr(module, 'backbone') and not isinstance(
        module, FrozenLLMBackbone)
    return (HOST, ) if whole else ('', )


def host_names_of(module: nn.Module) -> list[str]:
    """Names of the host's trained tensors in a model or a part of one.

    Neither the inserted layer nor a head is among them, nor what a class
    computes, such as a table of positions.
    """
    inserted = tuple(
        f'{name}.'.lstrip('.') for name, part in module.named_modules()
        if isinstance(part, (FrozenLLMLayer, MLPLayer)))
    inserted += tuple(
        f'{name}.layer.'.lstrip('.') for name, part in module.named_modules()
        if isinstance(part, (FrozenLLMBackbone, FrozenLLMNeck)))
    trained = {name for name, _ in module.named_parameters()}
    host = _host_of(module)
    return [name for name in module.state_dict()
            if not name.startswith(inserted)
            and (name in trained or name.endswith(_STATISTICS))
            and name.startswith(host)]


def may_differ(module: nn.Module, name: str) -> bool:
    """Whether a tensor of another shape may be left out: it is the head's."""
    return bool(_HEAD.match(name)) and name not in (
        host_names_of(module) if _is_whole(module) else ())


def _norms(module: nn.Module) -> set[str]:
    """Parameters of layer norms, which start at one and zero."""
    return {f'{name}.{part}'.lstrip('.')
            for name, norm in module.named_modules()
            if isinstance(norm, (nn.LayerNorm, nn.GroupNorm))
            for part, _ in norm.named_parameters()}


def require_host(module: nn.Module, lacking: Sequence[str],
                 held: Sequence[str], file: str, lenient: bool) -> None:
    """Raise unless a file has filled the host.

    Args:
        module: The model or part.
        lacking: Names that were not filled.
        held: Names that the file offered.
        file: Its name.
        lenient: Whether layer norms may be left out, as recipes do that
            fine-tune a pretrained host with a final norm of its own.

    Raises:
        CheckpointError: If anything of it, or of all, was left out.
    """
    own, host = list(module.state_dict()), host_names_of(module)
    spared = _norms(module) if lenient else set()
    left = [n for n in host if n in lacking and n not in spared]
    filled = [n for n in own if n not in lacking]
    if not left and filled:
        return
    wanted = left or own
    kind = type(module).__name__
    raise CheckpointError(
        f'{file} fills {len(filled)} of the {len(own)} tensors of {kind}, and '
        f'leaves out {len(wanted)} of the host: {_shown(wanted)}. It holds '
        f'{_shown(held) or "no tensors by name"}. Use a file of the same '
        'architecture; where some may be missing, start the backbone with '
        "init_cfg=dict(type='lm4ve_mm.StrictPretrained', checkpoint=FILE, "
        "may_lack='PATTERN OF NAMES')")


def _shown(names: Sequence[str]) -> str:
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(map(str, names[:_SHOWN])) + more
