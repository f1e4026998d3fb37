"""Multimodal models of the toolboxes, under transformers 4.57 and later.

Both toolboxes have placeholders for where their dependencies are not
installed, which refuse to be built. They are told that this is so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from lm4ve_mm.utils.install import find_module

from .import_hooks import around_import

GONE_FROM_TRANSFORMERS = 'apply_chunking_to_forward'


def leave_out_of_mmaction2() -> bool:
    """Keep ``mmaction.models`` from importing VindLU where it cannot."""
    return around_import('mmaction.utils.dependency', without_multimodal)


def leave_out_of_mmpretrain() -> bool:
    """Keep ``mmpretrain.models`` from importing BLIP where it cannot."""
    return around_import('mmpretrain.utils.dependency', without_multimodal)


@contextmanager
def without_multimodal(module: ModuleType) -> Iterator[None]:
    """Unset a toolbox's switch unless transformers has what it imports."""
    yield
    spec = find_module('transformers')
    if module.WITH_MULTIMODAL and spec is not None:
        # Read, not imported: that would take seconds.
        source = Path(spec.origin).with_name('modeling_utils.py').read_text(
            encoding='utf-8')
        module.WITH_MULTIMODAL = GONE_FROM_TRANSFORMERS in source
