"""LLaMA in the form in which Meta publishes it."""

from ...block.geometry import BlockGeometry
from ...errors import CheckpointError
from .base import Config, Family, optional
from .transforms import interleaved_transforms


def llama_meta_geometry(params: Config) -> BlockGeometry:
    """Geometry from Meta's ``params.json``.

    The hidden width is two thirds of four times the width, times an optional
    factor, rounded up to a multiple of ``multiple_of``: 11008 for 4096.

    Raises:
        CheckpointError: If the file is Mistral's, which has the same name.
    """
    if 'multiple_of' not in params and 'hidden_dim' in params:
        raise CheckpointError(
            "this is Mistral's own form (it gives hidden_dim, not "
            'multiple_of), which is not read: take the form for '
            'transformers, with config.json, of the same model')
    width = params['dim']
    hidden = int(8 * width / 3)
    if params.get('ffn_dim_multiplier') is not None:
        hidden = int(params['ffn_dim_multiplier'] * hidden)
    step = params['multiple_of']
    # The file does not say by how much: 8 in LLaMA 3.1, 32 in 3.2.
    scaled = params.get('use_scaled_rope', False)
    return BlockGeometry(
        width=width,
        num_heads=params['n_heads'],
        num_kv_heads=optional(params, 'n_kv_heads'),
        ffn_dim=step * ((hidden + step - 1) // step),
        norm_eps=params['norm_eps'],
        rope_theta=None if scaled else params.get('rope_theta', 10000.0))


LLAMA_META = Family(
    name='llama',
    config_file='params.json',
    model_types=(),
    num_layers_key='n_layers',
    geometry=llama_meta_geometry,
    prefixes=('layers.{i}.', ),
    modules={
        'attn.q': 'attention.wq',
        'attn.k': 'attention.wk',
        'attn.v': 'attention.wv',
        'attn.out': 'attention.wo',
        'ffn.gate': 'feed_forward.w1',
        'ffn.up': 'feed_forward.w3',
        'ffn.down': 'feed_forward.w2',
        'attn_norm': 'attention_norm',
        'ffn_norm': 'ffn_norm',
    },
    final_norm=('norm', ),
    unused=('attention.inner_attention.rope.freqs', ),
    shard_dims={
        'attn.q': 0,
        'attn.k': 0,
        'attn.v': 0,
        'attn.out': 1,
        'ffn.gate': 0,
        'ffn.up': 0,
        'ffn.down': 1,
    },
    transforms=interleaved_transforms(),
    note="Meta's own files, any number of shards; the phase of 3.1 and "
    'later is not told there')
