"""The function of a layer, which is compared wherever weights are loaded.

The digest of a block proves its tensors. The same tensors with another number
of heads, with a rotary phase or with a causal mask are another function,
which maps trained for the one do not fit.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from .block.geometry import BlockGeometry

# Fields of the geometry that only the phase, or only attention, depends on.
_ROPE = ('rope_theta', 'rope_dims', 'rope_factor', 'rope_bands')
_ATTENTION = ('num_heads', 'num_kv_heads', 'head_dim', 'qk_norm', 'softcap',
              'attention_scale')
# Values of keys that a file lacks since it was written before they existed.
_DEFAULTS: dict[str, Any] = {
    field.name: field.default
    for field in fields(BlockGeometry) if field.default is not MISSING
} | dict(
    final_norm='none', attention=True, rope=False, causal=False,
    residual='none', gate=False, norm_in=False, norm_out=False, num_blocks=1)


def layer_function(geometry: BlockGeometry, final_norm: str, num_blocks: int,
                   **keywords: Any) -> dict[str, Any]:
    """Plain values that determine a layer's function, but for its weights.

    Args:
        geometry: Of the blocks.
        final_norm: Which norm stands behind the last block; ``'none'`` also
            where the family has none.
        num_blocks: How many blocks.
        **keywords: ``attention``, ``rope``, ``causal``, ``residual``,
            ``gate``, ``norm_in``, ``norm_out`` of the layer.
    """
    values = {**geometry.to_dict(), 'final_norm': final_norm,
              'num_blocks': num_blocks, **keywords}
    # A block of transformers: its configuration, key by key.
    values.pop('shapes', None)  # the digest has them
    values.pop('rope_longest', None)  # beyond it nothing is computed
    values.update({f'settings.{key}': value for key, value in
                   values.pop('settings', {}).items()})
    values['attention_scale'] = geometry.score_scale
    if geometry.rope_bands is not None:
        values['rope_bands'] = list(geometry.rope_bands)  # as JSON has it
    idle = {*(() if keywords['rope'] else _ROPE),
            *(() if keywords['attention'] else _ATTENTION)}
    return {key: value for key, value in values.items() if key not in idle}


def differences(trained: Mapping[str, Any],
                own: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Keys that differ -> (value in training, value here)."""
    found = {}
    for key in {**own, **trained}:
        values = tuple(held.get(key, _DEFAULTS.get(key))
                       for held in (trained, own))
        if not _equal(*values):
            found[key] = values
    # Where one has no phase or no attention, its details do not matter.
    for switch, details in (('rope', _ROPE), ('attention', _ATTENTION)):
        if switch in found:
            found = {k: v for k, v in found.items() if k not in details}
    return found


def _equal(a: Any, b: Any) -> bool:
    """Numbers to within the rounding of a file that holds them in fp32."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6)
    return bool(a == b)
