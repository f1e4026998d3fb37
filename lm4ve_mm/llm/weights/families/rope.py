"""Reads the rotary phase out of configuration files."""

from collections.abc import Callable
from typing import Any

from .base import Config

# Hosts rarely have more tokens. Kinds of phase that change only beyond some
# length are the plain one up to there, and an error beyond.
LONGEST = 2048


def _linear(rope: Config, config: Config) -> dict:
    return dict(rope_factor=float(rope['factor']))


def _llama3(rope: Config, config: Config) -> dict:
    bands = (rope['low_freq_factor'], rope['high_freq_factor'],
             rope['original_max_position_embeddings'])
    return dict(rope_factor=float(rope['factor']), rope_bands=bands)


def _plain(rope: Config, config: Config) -> dict:
    return {}


def _up_to(trained: int) -> dict | None:
    """Plain for as many tokens, if hosts have no more."""
    return dict(rope_longest=trained) if trained >= LONGEST else None


def _dynamic(rope: Config, config: Config) -> dict | None:
    """Plain up to the trained length (``dynamic`` of transformers)."""
    return _up_to(config['max_position_embeddings'])


def _yarn(rope: Config, config: Config) -> dict | None:
    """The plain phase if nothing is rescaled."""
    plain = rope['factor'] == 1 and rope.get('attention_factor', 1) == 1
    return {} if plain else None


def _longrope(rope: Config, config: Config) -> dict | None:
    """The plain phase up to the trained length, if its factors are one."""
    trained = rope.get('original_max_position_embeddings',
                       config.get('original_max_position_embeddings', 0))
    stretched = rope.get('factor')
    if trained and 'original_max_position_embeddings' in config:
        stretched = config['max_position_embeddings'] / trained
    plain = (
        all(factor == 1 for factor in rope['short_factor'])
        and (rope.get('attention_factor') == 1 or
             ('attention_factor' not in rope and stretched is not None
              and stretched <= 1)))
    return _up_to(trained) if plain else None


# Kind of rotary phase -> fields of the geometry; None where they cannot
# express it. All three positions of ``mrope`` are equal in a sequence.
ROPE_KINDS: dict[str, Callable[[Config, Config], dict | None]] = dict(
    default=_plain,
    mrope=_plain,
    linear=_linear,
    llama3=_llama3,
    dynamic=_dynamic,
    yarn=_yarn,
    longrope=_longrope,
    su=_longrope)


def read_rope(config: Config, share: float = 1.0) -> dict[str, Any]:
    """Fields of the geometry that describe the rotary phase.

    Args:
        config: The configuration; its phase may be described by
            ``rope_parameters`` (transformers 5), or by ``rope_theta``,
            ``partial_rotary_factor`` and ``rope_scaling``.
        share: Share of a head that is turned, where the file does not say.

    Returns:
        dict: Empty where the phase is of a kind that we do not compute, or
        is described incompletely; it is off unless asked for.
    """
    rope: dict[str, Any] = {
        key: value
        for words in ('rope_scaling', 'rope_parameters')
        for key, value in (config.get(words) or {}).items()
        if value is not None
    }
    kind = rope.get('rope_type', rope.get('type', 'default'))
    try:
        fields = ROPE_KINDS[kind](rope, config)
    except KeyError:
        return {}
    if fields is None:
        return {}
    told = {'rope_theta': 10000.0, 'partial_rotary_factor': share,
            **config, **rope}
    if told['partial_rotary_factor'] != 1:
        fields['rope_dims'] = int(
            told['partial_rotary_factor'] * head_dim(config))
        if fields['rope_dims'] % 2:
            return {}
    return dict(fields, rope_theta=float(told['rope_theta']))


def head_dim(config: Config) -> int:
    """Width of one head, which files may leave out."""
    given = config.get('head_dim')
    return given or config['hidden_size'] // config['num_attention_heads']
