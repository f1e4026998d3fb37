"""Which values the keys of a configuration may have."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import CheckpointError
from .base import Config


class Kind(NamedTuple):
    """What a value has to be.

    Args:
        words: For the error message.
        fits: Whether a value is that.
        nullable: Whether null is allowed and means the default.
    """

    words: str
    fits: Callable[[Any], bool]
    nullable: bool = False


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < float('inf')


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


COUNT = Kind('a positive integer', _is_count)
NUMBER = Kind('a number, zero or more', _is_number)
TEXT = Kind('a string', _is(str))
SWITCH = Kind('true or false', _is(bool))

# Keys of all families after their renames; a key that is not here is
# checked by what reads it.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ('hidden_size', 'num_attention_heads', 'num_hidden_layers',
         'intermediate_size', 'ffn_dim', 'dim', 'n_heads', 'n_layers',
         'multiple_of', 'sliding_window_pattern', 'no_rope_layer_interval'),
        COUNT),
    **dict.fromkeys(
        ('num_key_value_heads', 'num_kv_heads', 'n_kv_heads', 'head_dim',
         'n_inner', 'rotary_dim', 'ffn_hidden_size', 'num_ln_in_parallel_attn',
         'max_position_embeddings'), COUNT._replace(nullable=True)),
    **dict.fromkeys(
        ('rms_norm_eps', 'layer_norm_eps', 'layer_norm_epsilon', 'norm_eps',
         'query_pre_attn_scalar'), NUMBER),
    **dict.fromkeys(
        ('rope_theta', 'partial_rotary_factor', 'rope_local_base_freq',
         'attn_logit_softcapping', 'ffn_dim_multiplier'),
        NUMBER._replace(nullable=True)),
    **dict.fromkeys(
        ('hidden_act', 'activation_function', 'activation'), TEXT),
    'hidden_activation': TEXT._replace(nullable=True),
    **dict.fromkeys(
        ('use_parallel_residual', 'enable_bias', 'do_layer_norm_before',
         'multi_query', 'parallel_attn', 'scale_attn_weights',
         'layer_norm_elementwise_affine'), SWITCH),
    **dict.fromkeys(
        ('attention_bias', 'mlp_bias', 'qk_layernorm', 'bias', 'alibi',
         'new_decoder_architecture', 'scale_attn_by_inverse_layer_idx',
         'apply_residual_connection_post_layernorm', 'use_scaled_rope',
         '_remove_final_layer_norm', 'use_qkv_bias'),
        SWITCH._replace(nullable=True)),
    **dict.fromkeys(('rope_scaling', 'rope_parameters'),
                    Kind('a dictionary', _is(dict), True)),
    **dict.fromkeys(('layer_types', 'no_rope_layers'),
                    Kind('a list', _is(list), True)),
}


def checked(config: Config) -> dict[str, Any]:
    """The configuration without nulls, which mean the default.

    Raises:
        CheckpointError: If a value is not of its kind.
    """
    for key, value in config.items():
        kind = KINDS.get(key)
        if kind is None or (value is None and kind.nullable):
            continue
        if not kind.fits(value):
            raise CheckpointError(
                f'{key}={value!r} in the configuration makes no sense: it '
                f'should be {kind.words}')
    return {k: value for k, value in config.items() if value is not None}
