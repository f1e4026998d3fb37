"""Old name of :mod:`.weights.block_file`; it goes with version 0.3."""

import warnings

from .weights.block_file import (
    FORMAT,
    PUBLISHED_KEY,
    BlockFile,
    flatten_parts,
    make_metadata,
    write_block_file,
)

__all__ = ['FORMAT', 'PUBLISHED_KEY', 'BlockFile', 'flatten_parts',
           'make_metadata', 'write_block_file']

warnings.warn('lm4ve_mm.llm.block_file is now lm4ve_mm.llm.weights.block_file',
              DeprecationWarning, stacklevel=2)
