"""Old name of :mod:`.weights.families`; it goes with version 0.3."""

import warnings

from .weights.families import (
    ACTIVATION_NAMES,
    BERT,
    FAMILIES,
    LLAMA,
    LLAMA_META,
    Config,
    Family,
    bert_geometry,
    find_family,
    known_model_types,
    llama_geometry,
    llama_meta_geometry,
    read_activation,
    resolve_config,
)

__all__ = [
    'ACTIVATION_NAMES', 'BERT', 'FAMILIES', 'LLAMA', 'LLAMA_META', 'Config',
    'Family', 'bert_geometry', 'find_family', 'known_model_types',
    'llama_geometry', 'llama_meta_geometry', 'read_activation',
    'resolve_config'
]

warnings.warn('lm4ve_mm.llm.families is now lm4ve_mm.llm.weights.families',
              DeprecationWarning, stacklevel=2)
