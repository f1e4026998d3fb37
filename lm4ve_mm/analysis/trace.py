"""What a layer makes of tokens, step by step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm4ve_mm.llm import FrozenLLMLayer, MLPLayer, NoLayer
from lm4ve_mm.llm.block.attention import Attention, masked_softmax
from lm4ve_mm.llm.block.precision import at_least_fp32
from lm4ve_mm.llm.block.rotary import rotary_phase, rotate
from lm4ve_mm.llm.block.tokens import attention_mask


@torch.no_grad()
def trace(layer: FrozenLLMLayer | MLPLayer | NoLayer, tokens: Tensor,
          key_padding_mask: Tensor | None = None) -> dict[str, Tensor]:
    """Run a layer on all tokens and keep what is between its parts.

    The layer runs as the plain formula, whatever its ``shortcut`` is; what
    it gives is the same up to rounding.

    Args:
        layer: In eval mode.
        tokens: (B, N, embed_dims).
        key_padding_mask: (B, N) bool, True = padding, or None.

    Returns:
        dict: Name -> (B, N, width), in order. ``norm_in`` if there is one;
        ``map_in``; of each block ``attn``, the stream after attention was
        added to it, and ``ffn``, the block's output (``attn.0``, ``ffn.0``,
        ... of several blocks); ``final_norm`` if there is one; ``map_out``;
        ``out``, what the layer gives. Of a block whose attention and
        feed-forward run side by side there is no stream between them:
        ``attn_branch`` is attention's output alone. Blocks computed by
        transformers give ``ffn`` only. The MLP control has ``hidden``
        between its maps; a host alone has nothing but ``out``.
    """
    if isinstance(layer, NoLayer):
        return dict(out=layer(tokens, key_padding_mask))
    if isinstance(layer, MLPLayer):
        mapped = layer.map_in(tokens)
        hidden = layer.norm(F.gelu(mapped))
        out = layer.map_out(hidden)
        return dict(map_in=mapped, hidden=hidden, map_out=out, out=out)
    seen: dict[str, Tensor] = {}
    with _plain(layer), _watched(layer, seen):
        out = layer(tokens, key_padding_mask)
    found = {}
    if not isinstance(layer.norm_in, nn.Identity):
        found['norm_in'] = seen['norm_in']
    found['map_in'] = stream = seen['map_in']
    for index, block in enumerate(layer.blocks):
        mark = f'.{index}' if len(layer.blocks) > 1 else ''
        found.update(_between(block, index, mark, stream, seen))
        # Without attention only the rest of a block is run, not the block.
        stream = (seen[f'block{index}'] if f'block{index}' in seen else
                  block.finish(stream, None))
        found[f'ffn{mark}'] = stream
    if layer.final_norm is not None:
        found['final_norm'] = seen['final_norm']
    found['map_out'] = seen['map_out']
    found['out'] = out
    return found


def _between(block: nn.Module, index: int, mark: str, stream: Tensor,
             seen: dict[str, Tensor]) -> dict[str, Tensor]:
    """The stream between attention and feed-forward of one block."""
    mixed = seen.get(f'attn{index}')
    if mixed is None:
        return {}
    if block.geometry.parallel:
        return {f'attn_branch{mark}': mixed}
    if block.geometry.placement == 'post':
        return {f'attn{mark}': seen[f'attn_norm{index}']}
    if block.geometry.placement == 'sandwich':
        mixed = seen[f'attn_post_norm{index}']
    return {f'attn{mark}': stream + mixed}


def _parts(layer: FrozenLLMLayer) -> Iterator[tuple[str, nn.Module]]:
    for name in ('norm_in', 'map_in', 'final_norm', 'map_out'):
        part = getattr(layer, name)
        if part is not None:
            yield name, part
    for index, block in enumerate(layer.blocks):
        yield f'block{index}', block
        for name in ('attn', 'attn_norm', 'attn_post_norm'):
            if hasattr(block, name):
                yield f'{name}{index}', getattr(block, name)


@contextmanager
def _watched(layer: FrozenLLMLayer, seen: dict[str, Tensor]) -> Iterator[None]:
    """Note what every part gives."""

    def note(name: str):
        def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
            # The map in runs again where its output is added at the end.
            seen.setdefault(name, output)
        return hook

    handles = [part.register_forward_hook(note(name))
               for name, part in _parts(layer)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _plain(layer: FrozenLLMLayer) -> Iterator[None]:
    """The layer without a shortcut, which would leave parts out."""
    shortcut = layer.shortcut
    layer.shortcut = 'off'
    try:
        yield
    finally:
        layer.shortcut = shortcut


@torch.no_grad()
def attention_scores(layer: FrozenLLMLayer, tokens: Tensor,
                     queries: slice = slice(0, 1), block: int = -1,
                     key_padding_mask: Tensor | None = None) -> Tensor:
    """How strongly some tokens look at every token, in one block.

    Fused kernels do not give these weights: they are computed again from
    the queries and keys of the block.

    Args:
        layer: In eval mode.
        tokens: (B, N, embed_dims).
        queries: Which tokens look; by default the first, a class token.
        block: Index of the block; the last by default.
        key_padding_mask: (B, N) bool, True = padding, or None.

    Returns:
        Tensor: (B, heads, queries, N), each row of sum 1.

    Raises:
        ValueError: If the block has no attention of ours.
    """
    attention = getattr(layer.blocks[block], 'attn', None)
    if not isinstance(attention, Attention) or not layer.runner.attention:
        raise ValueError('this block has no attention whose weights could be '
                         'computed: it was left out, or transformers '
                         'computes the block')
    fed: list[Tensor] = []
    handle = attention.register_forward_pre_hook(
        lambda module, inputs: fed.append(inputs[0]))
    try:
        with _plain(layer):
            layer(tokens, key_padding_mask)
    finally:
        handle.remove()
    phase = None
    if layer.runner.rope is not None:
        geometry = layer.geometry
        phase = rotary_phase(tokens.shape[1], geometry.rope_dims,
                             layer.runner.rope, fed[0], geometry.rope_factor,
                             geometry.rope_bands)
    mask = attention_mask(key_padding_mask, layer.runner.causal, None,
                          tokens.shape[1], tokens.device)
    if mask is not None:
        mask = mask.expand(-1, -1, tokens.shape[1], -1)[:, :, queries]
    return _weights(attention, fed[0], mask, phase, queries)


def _weights(attention: Attention, fed: Tensor, mask: Tensor | None,
             phase: Tensor | None, queries: slice) -> Tensor:
    geometry = attention.geometry

    def heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, geometry.head_dim)).transpose(1, 2)

    query = attention.q_norm(heads(attention.q(fed)))
    key = attention.k_norm(heads(attention.k(fed)))
    if phase is not None:
        phase = phase.to(query.dtype)
        query, key = rotate(query, phase), rotate(key, phase)
    groups = geometry.num_heads // geometry.num_kv_heads
    key = key.repeat_interleave(groups, 1)
    scores = at_least_fp32(query[:, :, queries] @ key.transpose(-2, -1))
    scale = geometry.score_scale
    if geometry.softcap is None:
        return masked_softmax(scores * scale, mask)
    cap = geometry.softcap
    return masked_softmax(cap * torch.tanh(scores * (scale / cap)), mask)
