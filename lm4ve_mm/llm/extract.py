"""Old name of :mod:`.weights.extract`; it goes with version 0.3."""

import warnings

from .weights.extract import extract_blocks, pack

__all__ = ['extract_blocks', 'pack']

warnings.warn('lm4ve_mm.llm.extract is now lm4ve_mm.llm.weights.extract',
              DeprecationWarning, stacklevel=2)
