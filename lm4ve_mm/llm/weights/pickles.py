"""Opens files of ``torch.save`` without running code in them."""

import pickle
import pickletools
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from .unreadable import check_file

# Depth of nested tuples. A saved tensor has three levels; hashing a key of
# many thousands overflows the stack, which kills the process.
_DEEPEST = 100


def _check_nesting(data: bytes) -> None:
    """Simulate a pickle's stack, to find tuples that are nested too deep.

    Only how deep tuples lie within tuples is kept of every value.

    Raises:
        ValueError: If they are nested deeper than ``_DEEPEST``.
    """
    stack: list[int | None] = []  # None stands for a mark
    memo: dict[Any, int | None] = {}
    for code, argument, _ in pickletools.genops(data):
        if code.name in ('PUT', 'BINPUT', 'LONG_BINPUT'):
            memo[argument] = stack[-1]
            continue
        if code.name == 'MEMOIZE':
            memo[len(memo)] = stack[-1]
            continue
        taken = []
        for item in reversed(code.stack_before):
            if item is pickletools.stackslice:
                while stack and stack[-1] is not None:
                    taken.append(stack.pop())
            elif stack:
                taken.append(stack.pop())
        depth = max((d for d in taken if d), default=0)
        if code.name in ('TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'):
            depth += 1
            if depth > _DEEPEST:
                raise ValueError(
                    f'tuples are nested more than {_DEEPEST} deep')
        elif code.name not in ('DUP', 'FROZENSET'):
            depth = 0
        if code.name in ('GET', 'BINGET', 'LONG_BINGET'):
            depth = memo.get(argument) or 0
        for item in code.stack_after:
            mark = item is pickletools.markobject
            stack.append(None if mark else depth)


def open_torch(path: Path) -> Mapping:
    """Open a ``torch.save`` file, its tensors mapped and not read.

    Besides tensors and plain values it may hold an ``argparse.Namespace``:
    many training scripts save their arguments as one.

    Raises:
        CheckpointError: If it is truncated, of the old format that cannot be
            mapped, holds more than tensors and plain values, or no
            dictionary.
    """
    check_file(path)
    try:
        reader = torch._C.PyTorchFileReader(str(path))
        _check_nesting(reader.get_record('data.pkl'))
        with torch.serialization.safe_globals([Namespace]):
            held = torch.load(
                path, map_location='cpu', mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f'{path} holds Python objects besides tensors, which could run '
            f'code, and is not opened ({_first_line(error)}). If you '
            'trust it, re-save its state dict alone with torch.save'
        ) from error
    except OSError:
        raise
    except Exception as error:  # whatever the bytes made the reader do
        raise CheckpointError(
            f'{path} ({path.stat().st_size:,} bytes) cannot be read: it is '
            f'truncated, or not a torch zip file ({_first_line(error)}). '
            'Fetch it again; a file from before torch 1.6 has to be re-saved '
            'once with torch.save') from error
    if not isinstance(held, Mapping):
        raise CheckpointError(
            f'{path} holds {type(held).__name__}, not a dictionary of '
            'tensors by name: save the state dict of the model')
    return held


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
