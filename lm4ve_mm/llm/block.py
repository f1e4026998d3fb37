"""One transformer block of a language model."""

from typing import Mapping, Optional

import torch.nn.functional as F
from torch import Tensor, nn

from .frozen import NORM_CLASSES, PretrainedLinear
from .geometry import BlockGeometry
from .rotary import rotate
from .tokens import Keep

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
    return NORM_CLASSES[geometry.norm](tensors, trainable, geometry.norm_eps)


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

    def _heads(self, x: Tensor) -> Tensor:
        """(B, N, heads * head_dim) -> (B, heads, N, head_dim)."""
        return x.unflatten(-1, (-1, self.geometry.head_dim)).transpose(1, 2)

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
            phase: (2, N, head_dim) rotary phase, or None.

        Returns:
            (B, kept, width). The softmax is taken in fp32 or wider, as the
            kernels behind ``scaled_dot_product_attention`` do.
        """
        asking = x if keep is None else x[:, keep]
        query = self._heads(self.q(asking))  # (B, heads, kept, head_dim)
        key = self._heads(self.k(x))  # (B, kv_heads, N, head_dim)
        value = self._heads(self.v(x))
        if phase is not None:
            phase = phase.to(query.dtype)
            kept_phase = phase if keep is None else phase[:, keep]
            query, key = rotate(query, kept_phase), rotate(key, phase)
        grouped = self.geometry.num_kv_heads != self.geometry.num_heads
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, enable_gqa=grouped)
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
    """Attention and feed-forward, each with its norm and its residual.

    Args:
        geometry: What to build.
        tensors: Every tensor of ``geometry.tensor_shapes()``.
        trainable: False keeps the tensors as frozen buffers.
    """

    def __init__(self,
                 geometry: BlockGeometry,
                 tensors: Mapping[str, Tensor],
                 trainable: bool = False) -> None:
        super().__init__()
        self.geometry = geometry
        self.attn = Attention(geometry, tensors, trainable)
        self.ffn = FeedForward(geometry, tensors, trainable)
        self.attn_norm = build_norm(geometry,
                                    tensors_under(tensors, 'attn_norm'),
                                    trainable)
        self.ffn_norm = build_norm(geometry,
                                   tensors_under(tensors, 'ffn_norm'),
                                   trainable)

    def tensors(self) -> dict:
        """Name -> tensor, with the names of ``geometry.tensor_shapes()``."""
        held = dict(self.named_buffers())
        held.update(self.named_parameters())
        return held

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
        stream = x if keep is None else x[:, keep]
        if self.geometry.placement == 'pre':
            stream = stream + self.attn(self.attn_norm(x), mask, keep, phase)
            return stream + self.ffn(self.ffn_norm(stream))
        stream = self.attn_norm(stream + self.attn(x, mask, keep, phase))
        return self.ffn_norm(stream + self.ffn(stream))
