"""Families of language models: one entry each, nothing but tables.

An entry says how to read the geometry out of the family's configuration file
and what the family calls the tensors of a layer. To add a family, write an
entry in the file of its kind and list it in :data:`FAMILIES`; no other file
has to change.
"""

from dataclasses import replace
from typing import Dict, Tuple

from ...errors import CheckpointError
from .base import ACTIVATION_NAMES, Config, Family, read_activation
from .bert_families import BERT, ROBERTA, bert_geometry
from .gpt_families import BLOOM, FALCON, GPT2, GPT_NEOX, OPT, PHI
from .llama_families import (GEMMA, GEMMA2, GEMMA3, LLAMA, LLAMA_META, MISTRAL,
                             PHI3, QWEN2, QWEN3, llama_geometry,
                             llama_meta_geometry)

__all__ = [
    'ACTIVATION_NAMES', 'BERT', 'FAMILIES', 'LLAMA', 'LLAMA_META', 'NESTED',
    'Config', 'Family', 'bert_geometry', 'find_family', 'known_model_types',
    'llama_geometry', 'llama_meta_geometry', 'read_activation',
    'resolve_config'
]

FAMILIES: Tuple[Family, ...] = (
    LLAMA, LLAMA_META, MISTRAL, QWEN2, QWEN3, GEMMA, GEMMA2, GEMMA3, PHI, PHI3,
    OPT, GPT2, GPT_NEOX, FALCON, BLOOM, BERT, ROBERTA)

# Multimodal checkpoints: model_type -> model_type of the language model in
# their text_config, where that does not say.
NESTED: Dict[str, str] = dict(
    llava='llama', llava_next='llama', gemma3='gemma3_text')
# What stands before the names of the language model in them.
_NESTED_PREFIXES = ('language_model.', 'model.language_model.')


def known_model_types() -> Dict[str, Family]:
    """Every ``model_type`` of a language model that we can read."""
    return {
        model_type: family
        for family in FAMILIES for model_type in family.model_types
    }


def _lookup(config: Config, config_file: str) -> Family:
    known = known_model_types()
    model_type = config.get('model_type')
    if model_type not in known:
        raise CheckpointError(
            f'{config_file} says model_type={model_type!r}, a family that is '
            'not in the table; known: '
            f'{", ".join(sorted({*known, *NESTED}))}. An entry is added in '
            'lm4ve_mm/llm/weights/families/, in gpt_families.py for example')
    return known[model_type]


def _nested(family: Family) -> Family:
    """The family with the names it has inside a multimodal checkpoint."""
    def inside(names: Tuple[str, ...]) -> Tuple[str, ...]:
        return tuple(
            outer + name for name in names for outer in _NESTED_PREFIXES)

    return replace(
        family,
        prefixes=inside(family.prefixes),
        final_norm=inside(family.final_norm))


def resolve_config(config: Config,
                   config_file: str) -> Tuple[Family, Config]:
    """The entry for a checkpoint, and its language model's configuration.

    Args:
        config: Content of the configuration file.
        config_file: Its name, ``config.json`` or ``params.json``.

    Returns:
        tuple: The family, and the settings under the names it reads.

    Raises:
        CheckpointError: If no entry fits; the known ones are named.
    """
    if config_file == LLAMA_META.config_file:
        return LLAMA_META, config
    outer = config.get('model_type')
    inner = config.get('text_config')
    if outer in NESTED and inner is not None:
        inner = {'model_type': NESTED[outer], **inner}
        family = _lookup(inner, f'text_config in {config_file}')
        inner = {**family.nested_defaults, **inner}
        family = _nested(family)
    else:
        # The first LLaVA files are a LLaMA's with another model_type.
        inner = {**config, 'model_type': NESTED.get(outer, outer)}
        family = _lookup(inner, config_file)
    settings = {family.renames.get(k, k): v for k, v in inner.items()}
    return family, settings


def find_family(config: Config, config_file: str) -> Family:
    """The entry for a checkpoint, see :func:`resolve_config`."""
    return resolve_config(config, config_file)[0]
