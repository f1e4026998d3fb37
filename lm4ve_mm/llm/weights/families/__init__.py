"""Families of language models: one entry each, nothing but tables.

An entry says how to read the geometry out of the family's configuration file
and what the family calls the tensors of a layer. To add a family here, write
an entry in the file of its kind and list it in :data:`FAMILIES`; to add one
from a package of your own, hand it to :func:`register_family`.
"""

from dataclasses import replace
from typing import Any

from ...block.skeleton import is_known
from ...errors import CheckpointError
from .base import ACTIVATION_NAMES, Config, Family, read_activation, require
from .bert_families import BERT, DISTILBERT, ELECTRA, ROBERTA, bert_geometry
from .block_files import BLOCK_FILE
from .carriers import CARRIERS, OWN_DEFAULTS, carried, inner_config
from .fallback import fallback_family
from .gpt_families import BLOOM, FALCON, GPT2, GPT_NEOX, OPT, PHI
from .gptj_families import CODEGEN, GPT_NEO, GPTJ, XGLM
from .llama_families import (
    GEMMA,
    GEMMA2,
    GEMMA3,
    LLAMA,
    MISTRAL,
    PHI3,
    QWEN2,
    QWEN2_VL,
    QWEN3,
    QWEN3_VL,
    llama_geometry,
)
from .llama_variants import GLM, GLM4, HELIUM, MINISTRAL, SMOLLM3, STABLELM
from .meta_families import LLAMA_META, llama_meta_geometry
from .rope import read_rope
from .values import checked

__all__ = [
    'ACTIVATION_NAMES', 'BERT', 'BLOCK_FILE', 'CARRIERS', 'FAMILIES', 'LLAMA',
    'LLAMA_META', 'Config', 'Family', 'bert_geometry', 'find_family',
    'known_model_types', 'llama_geometry', 'llama_meta_geometry',
    'read_activation', 'read_rope', 'register_family', 'require',
    'resolve_config'
]

FAMILIES: list[Family] = [
    LLAMA, LLAMA_META, MISTRAL, QWEN2, QWEN2_VL, QWEN3, QWEN3_VL, GEMMA,
    GEMMA2, GEMMA3, PHI, PHI3, SMOLLM3, MINISTRAL, STABLELM,
    HELIUM, GLM, GLM4, OPT, GPT2, GPTJ, CODEGEN, GPT_NEO, GPT_NEOX, FALCON,
    BLOOM, XGLM, BERT, ROBERTA, ELECTRA, DISTILBERT
]


def known_model_types() -> dict[str, Family]:
    """Every ``model_type`` of a language model that we can read."""
    return {
        model_type: family
        for family in FAMILIES for model_type in family.model_types
    }


def register_family(family: Family) -> Family:
    """Register a family of your own; call it once, on import.

    Args:
        family: Its entry; ``config_file`` is ``config.json``.

    Returns:
        Family: The same.

    Raises:
        ValueError: If another family has its name or one of its model types,
            or if it has no model type by which a file could be recognised.
    """
    known = known_model_types()
    taken = sorted({*family.model_types} & {*known, *CARRIERS})
    if taken or family.name in {other.name for other in FAMILIES}:
        what = f'model_type {taken[0]!r}' if taken else repr(family.name)
        raise ValueError(
            f'family {family.name!r}: {what} is known already; register a '
            'family once, under a name and model types of its own. Known: '
            f'{", ".join(sorted(known))}')
    if not family.model_types or family.config_file != LLAMA.config_file:
        raise ValueError(
            f'family {family.name!r} needs at least one model_types, the '
            f'value of model_type in {LLAMA.config_file!r}, got '
            f'{family.model_types!r} in {family.config_file!r}')
    FAMILIES.append(family)
    return family


def _lookup(config: Config, config_file: str) -> Family:
    known = known_model_types()
    model_type = config.get('model_type')
    if not isinstance(model_type, str) or model_type not in known:
        raise CheckpointError(
            f'{config_file} says model_type={model_type!r}, a family that is '
            'not in the table, nor one that an installed transformers '
            'builds; known: '
            f'{", ".join(sorted({*known, *CARRIERS}))}. Add an entry with '
            'lm4ve_mm.llm.register_family(), or in '
            'lm4ve_mm/llm/weights/families/, in gpt_families.py for example')
    return known[model_type]


def resolve_config(config: Config,
                   config_file: str) -> tuple[Family, dict[str, Any]]:
    """The entry for a checkpoint, and its language model's configuration.

    Args:
        config: Content of the configuration file.
        config_file: Its name, ``config.json`` or ``params.json``, or the
            format of a block file.

    Returns:
        tuple: The family, and the settings under the names it reads, with
        its defaults where the file says nothing or null.

    Families without an entry are run by transformers, see :mod:`.fallback`.

    Raises:
        CheckpointError: If no entry fits (the known ones are named), or a
            value makes no sense.
    """
    if config_file == LLAMA_META.config_file:
        return LLAMA_META, checked(config)
    if config_file == BLOCK_FILE.config_file:
        return replace(BLOCK_FILE, name=config['family']), dict(config)
    outer, given = config.get('model_type'), config
    inner = inner_config(config)
    default = CARRIERS.get(outer) if isinstance(outer, str) else None
    nested = inner is not None and bool(
        default or outer not in known_model_types())
    if inner is not None and nested:
        given = inner
    # The first LLaVA files are a LLaMA's with another model_type.
    kind = given.get('model_type') or default
    if isinstance(kind, str):
        kind = CARRIERS.get(kind, kind)
    given = {**given, 'model_type': kind}
    if kind not in known_model_types() and is_known(kind):
        family, settings = fallback_family(given)
        return (carried(family) if nested or default else family), settings
    family = _lookup(given, 'the language model in ' * nested +
                     config_file)
    settings = {family.renames.get(k, k): v for k, v in given.items()}
    sizes: dict[str, Any] = {}
    if nested:
        sizes = {**family.sizes, **OWN_DEFAULTS.get(str(outer), {})}
    if nested or default:
        family = carried(family)
    return family, checked({**family.defaults, **sizes, **settings})


def find_family(config: Config, config_file: str) -> Family:
    """The entry for a checkpoint, see :func:`resolve_config`."""
    return resolve_config(config, config_file)[0]
