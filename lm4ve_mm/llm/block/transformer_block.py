"""One transformer block of a language model."""

from typing import Mapping, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .linear import NORM_CLASSES, PretrainedLinear, at_least_fp32
from .geometry import BlockGeometry
from ..lora import LoRA
from .rotary import rotate
from .tokens import Keep, take

ACTIVATION_FUNCTIONS = dict(
    silu=F.silu,
    gelu=F.gelu,
    gelu_tanh=lambda x: F.gelu(x, approximate='tanh'),
    relu=F.relu)


def tensors_under(tensors: Mapping[str, Tensor], name: str) -> dict:
    """The tensors of one module: ``name.weight`` becomes ``weight``."""
    return {
        key[len(name) + 1:]: tensor
        for key, tensor in tensors.items() if key.startswith(name + '.')
    }


def build_norm(geometry: BlockGeometry, tensors: Mapping[str, Tensor],
               trainable: bool) -> nn.Module:
    """The family's kind of norm, holding ``tensors``."""
    options = dict(offset=geometry.norm_offset) if geometry.norm_offset else {}
    return NORM_CLASSES[geometry.norm](tensors, trainable, geometry.norm_eps,
                                       **options)


def capped_attention(query: Tensor, key: Tensor, value: Tensor,
                     mask: Optional[Tensor], scale: float,
                     cap: float) -> Tensor:
    """Attention whose scores are bounded, which no fused kernel offers.

    ``softmax(cap * tanh(scale * q k^T / cap)) v``, arXiv 2408.00118; scores
    and softmax in fp32 or wider.

    Args:
        query: (B, heads, kept, head_dim).
        key, value: (B, heads, N, head_dim).
        mask: Broadcasts to (B, heads, kept, N), True = may be looked at.
        scale: Factor of the scores.
        cap: Their bound.

    Returns:
        (B, heads, kept, head_dim); zero where nothing may be looked at.
    """
    scores = query @ key.transpose(-2, -1)  # (B, heads, kept, N)
    scores = cap * torch.tanh(at_least_fp32(scores) * (scale / cap))
    return masked_softmax(scores, mask).to(value.dtype) @ value


def masked_softmax(scores: Tensor, mask: Optional[Tensor]) -> Tensor:
    """Softmax over the last dimension; zero where masked.

    A row in which nothing may be looked at gives zeros, as
    ``scaled_dot_product_attention`` does.
    """
    if mask is None:
        return scores.softmax(-1)
    # Finite, so that a row of nothing but padding has no NaN gradient.
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(~mask, lowest).softmax(-1)
    return weights.masked_fill(~mask, 0.)


class _Part(nn.Module):
    """Linear maps that carry the names of a part of the geometry."""

    def __init__(self, geometry: BlockGeometry, part: str,
                 tensors: Mapping[str, Tensor], trainable: bool) -> None:
        super().__init__()
        self.geometry = geometry
        for name in geometry.linear_shapes():
            owner, _, child = name.partition('.')
            if owner == part:
                self.add_module(
                    child,
                    PretrainedLinear(tensors_under(tensors, name), trainable))


class Attention(_Part):
    """Softmax attention, keys and values perhaps shared by head groups."""

    def __init__(self, geometry: BlockGeometry, tensors: Mapping[str, Tensor],
                 trainable: bool) -> None:
        super().__init__(geometry, 'attn', tensors, trainable)
        for name in ('q_norm', 'k_norm'):
            norm = nn.Identity()
            if geometry.qk_norm:
                held = tensors_under(tensors, f'attn.{name}')
                norm = build_norm(geometry, held, trainable)
            self.add_module(name, norm)

    def _heads(self, x: Tensor) -> Tensor:
        """(B, N, heads * head_dim) -> (B, heads, N, head_dim)."""
        return x.unflatten(-1, (-1, self.geometry.head_dim)).transpose(1, 2)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor,
                mask: Optional[Tensor]) -> Tensor:
        """Softmax attention; key and value may have fewer heads."""
        geometry = self.geometry
        groups = geometry.num_heads // geometry.num_kv_heads
        if geometry.softcap is None:
            return F.scaled_dot_product_attention(
                query,
                key,
                value,
                attn_mask=mask,
                scale=geometry.attention_scale,
                enable_gqa=groups > 1)
        key, value = (x.repeat_interleave(groups, 1) for x in (key, value))
        return capped_attention(query, key, value, mask,
                                geometry.score_scale, geometry.softcap)

    def forward(self,
                x: Tensor,
                mask: Optional[Tensor] = None,
                keep: Optional[Keep] = None,
                phase: Optional[Tensor] = None) -> Tensor:
        """Let the kept tokens look at all tokens.

        Args:
            x: (B, N, width).
            mask: Broadcasts to (B, heads, kept, N); True where a token may
                be looked at.
            keep: Which tokens ask; None means all.
            phase: (2, N, rope_dims) rotary phase, or None.

        Returns:
            (B, kept, width). The softmax is taken in fp32 or wider, as the
            kernels behind ``scaled_dot_product_attention`` do.
        """
        return self.mix(
            self.q(take(x, keep)), self.k(x), self.v(x), mask, keep, phase)

    def mix(self,
            query: Tensor,
            key: Tensor,
            value: Tensor,
            mask: Optional[Tensor] = None,
            keep: Optional[Keep] = None,
            phase: Optional[Tensor] = None) -> Tensor:
        """What follows the three projections.

        Args:
            query: (B, kept, heads * head_dim).
            key, value: (B, N, kv_heads * head_dim).
            mask: See :meth:`forward`.
            keep: See :meth:`forward`.
            phase: See :meth:`forward`.

        Returns:
            (B, kept, width).
        """
        # (B, heads, kept, head_dim), and keys of (B, kv_heads, N, head_dim)
        query = self.q_norm(self._heads(query))
        key = self.k_norm(self._heads(key))
        value = self._heads(value)
        if phase is not None:
            phase = phase.to(query.dtype)
            query = rotate(query, take(phase, keep))
            key = rotate(key, phase)
        mixed = self._attend(query, key, value, mask)
        return self.out(mixed.transpose(1, 2).flatten(2))


class FeedForward(_Part):
    """``down(act(gate(x)) * up(x))``, or ``down(act(up(x)))``."""

    def __init__(self, geometry: BlockGeometry, tensors: Mapping[str, Tensor],
                 trainable: bool) -> None:
        super().__init__(geometry, 'ffn', tensors, trainable)
        self.activation = ACTIVATION_FUNCTIONS[geometry.activation]

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to (..., width), each token by itself."""
        if self.geometry.gated:
            return self.down(self.activation(self.gate(x)) * self.up(x))
        return self.down(self.activation(self.up(x)))


class TransformerBlock(nn.Module):
    """Attention and feed-forward, their norms and their residuals.

    Args:
        geometry: What to build.
        tensors: Every tensor of ``geometry.tensor_shapes()``.
        trainable: False keeps the tensors as frozen buffers.
        lora: Low-rank updates of the linear maps that it names.
    """

    def __init__(self,
                 geometry: BlockGeometry,
                 tensors: Mapping[str, Tensor],
                 trainable: bool = False,
                 lora: Optional[LoRA] = None) -> None:
        super().__init__()
        self.geometry = geometry
        self.attn = Attention(geometry, tensors, trainable)
        self.ffn = FeedForward(geometry, tensors, trainable)
        for name in geometry.norm_names():
            held = tensors_under(tensors, name)
            self.add_module(name, build_norm(geometry, held, trainable))
        for name, (rows, columns, _) in geometry.linear_shapes().items():
            if lora is not None and name in lora.targets:
                self.get_submodule(name).lora = lora.attach(columns, rows)

    def tensors(self) -> dict:
        """Name -> tensor, with the names of ``geometry.tensor_shapes()``."""
        held = dict(self.named_buffers())
        held.update(self.named_parameters())
        return {name: held[name] for name in self.geometry.tensor_shapes()}

    def forward(self,
                x: Tensor,
                mask: Optional[Tensor] = None,
                keep: Optional[Keep] = None,
                phase: Optional[Tensor] = None) -> Tensor:
        """Run the block, computing outputs for the kept tokens only.

        The other tokens are needed as keys and values alone, so they skip
        query, output map and feed-forward part (same result, less work).

        Args:
            x: (B, N, width).
            mask: See :meth:`Attention.forward`.
            keep: See :meth:`Attention.forward`.
            phase: See :meth:`Attention.forward`.

        Returns:
            (B, kept, width).
        """
        fed = x if self.geometry.placement == 'post' else self.attn_norm(x)
        return self.finish(take(x, keep), self.attn(fed, mask, keep, phase))

    def finish(self, stream: Tensor, mixed: Optional[Tensor]) -> Tensor:
        """All that follows attention, each token by itself.

        Args:
            stream: (B, kept, width), the block's input.
            mixed: (B, kept, width), what attention made of it; None leaves
                attention out.

        Returns:
            (B, kept, width), the block's output.
        """
        if mixed is None:
            # What is left of the block when attention gives zero; a norm
            # behind attention falls away with it.
            added = stream
        elif self.geometry.placement == 'sandwich':
            added = stream + self.attn_post_norm(mixed)
        else:
            added = stream + mixed
        if self.geometry.parallel:
            # Attention and feed-forward side by side on the block's input.
            shared = self.geometry.shared_norm
            norm = self.attn_norm if shared else self.ffn_norm
            return added + self.ffn(norm(stream))
        if self.geometry.placement == 'post':
            stream = self.attn_norm(added)
            return self.ffn_norm(stream + self.ffn(stream))
        if self.geometry.placement == 'sandwich':
            return added + self.ffn_post_norm(self.ffn(self.ffn_norm(added)))
        return added + self.ffn(self.ffn_norm(added))
