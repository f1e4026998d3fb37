"""Which file each tensor of a model is from, and the proof of it."""

import itertools
import logging
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from mmengine.logging import print_log
from torch import Tensor, nn

from lm4ve_mm.llm import CheckpointError, digest

_count = itertools.count()


class Start(NamedTuple):
    """Tensors of a module that were read from a file.

    Attributes:
        order: Later loads have higher numbers.
        file: Where they are from.
        digests: Name in the module -> sha256 of the tensor.
    """

    order: int
    file: str
    digests: dict[str, str]


def _sha256(tensor: Tensor) -> str:
    return digest([{'': tensor}])


def remember(module: nn.Module, file: str, names: Iterable[str]) -> None:
    """Note that tensors of a module are from a file.

    Args:
        module: Just loaded.
        file: Where they are from.
        names: Of the tensors, in the module.
    """
    own = module.state_dict()
    start = Start(next(_count), file, {n: _sha256(own[n]) for n in names})
    module.__dict__.setdefault('_starts', []).append(start)


def origins(model: nn.Module) -> dict[str, tuple[str, str]]:
    """Name of each tensor that was loaded -> its file, its digest then."""
    starts = sorted(
        ((start, prefix) for prefix, module in model.named_modules()
         for start in module.__dict__.get('_starts', ())),
        key=lambda pair: pair[0].order)
    return {f'{prefix}.{name}'.lstrip('.'): (start.file, sha256)
            for start, prefix in starts
            for name, sha256 in start.digests.items()}


def prove_starts(model: nn.Module) -> None:
    """Raise if anything has changed tensors since they were loaded.

    For the moment before training starts.

    Raises:
        CheckpointError: If so; names file and tensors.
    """
    own = model.state_dict()
    changed: dict[str, list[str]] = {}
    for name, (file, sha256) in origins(model).items():
        if name in own and _sha256(own[name]) != sha256:
            changed.setdefault(file, []).append(name)
    for file, names in changed.items():
        raise CheckpointError(
            f'{len(names)} tensors were read from {file}, and something has '
            f'changed them before training started: {", ".join(names[:6])}'
            f'{", ..." if len(names) > 6 else ""}. An init_weights or a hook '
            'that runs after loading must have drawn them again')


def describe_start(model: nn.Module, name: str) -> tuple[str, bool]:
    """Say which file a part of a model is from.

    Args:
        model: The model, loaded.
        name: Of the part, such as ``'backbone'``.

    Returns:
        tuple: The sentence, and whether all of the part is from a file.
    """
    part = model.get_submodule(name)
    own = part.state_dict()
    trained = {key for key, _ in part.named_parameters()}
    known = origins(model)
    files = {key: known[f'{name}.{key}'][0] for key in own
             if f'{name}.{key}' in known}
    drawn = [key for key in own if key in trained and key not in files]
    if not files:
        return (f'{name} is randomly initialised, or as its class built it: '
                'no file was read into it', False)
    said = ' and '.join(f'{count} of its {len(own)} tensors from {file}'
                        for file, count in Counter(files.values()).items())
    left = (f'; {len(drawn)} are as initialised: {", ".join(drawn)}'
            if drawn else '')
    return (f'{name} has {said}{left}, sha256 {digest([own])[:16]}',
            not drawn)


def report_frozen(model: nn.Module, frozen: Iterable[str]) -> None:
    """Prove what was loaded, and log which file each frozen part is from.

    Args:
        model: About to be trained.
        frozen: Names of the parts that are frozen.

    Raises:
        CheckpointError: See :func:`prove_starts`.
    """
    prove_starts(model)
    for name in frozen:
        said, whole = describe_start(model, name)
        print_log(f'Frozen: {said}', logger='current',
                  level=logging.INFO if whole else logging.WARNING)
