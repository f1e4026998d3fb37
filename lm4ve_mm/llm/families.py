"""Old name of :mod:`.weights.families`; it goes with version 0.3."""

import warnings

from .weights.families import (FAMILIES, Config, Family, find_family,
                               known_model_types, resolve_config)

__all__ = ['FAMILIES', 'Config', 'Family', 'find_family', 'known_model_types',
           'resolve_config']

warnings.warn('lm4ve_mm.llm.families is now lm4ve_mm.llm.weights.families',
              DeprecationWarning, stacklevel=2)
