"""mmTransformer's encoder and decoder.

Pre-norm layers without dropout. They are not torch's: the self-attention of
the decoder takes queries and keys as they are and values normalised.
"""

import math

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention of several heads.

    Args:
        dims: Width of the tokens.
        num_heads: Heads.
    """

    def __init__(self, dims: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(dims, dims)
        self.key = nn.Linear(dims, dims)
        self.value = nn.Linear(dims, dims)
        self.out = nn.Linear(dims, dims)

    def _heads(self, x: Tensor) -> Tensor:
        """(..., N, C) -> (..., heads, N, C / heads)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-2, -3)

    def forward(self, query: Tensor, key: Tensor, value: Tensor,
                valid: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            query: (..., N, C).
            key, value: (..., M, C).
            valid: (..., M) bool: which of the M may be looked at.

        Returns:
            Tensor: (..., N, C).
        """
        mask = None if valid is None else valid[..., None, None, :]
        seen = F.scaled_dot_product_attention(
            self._heads(self.query(query)), self._heads(self.key(key)),
            self._heads(self.value(value)), attn_mask=mask)
        return self.out(seen.transpose(-2, -3).flatten(-2))


def feed_forward(dims: int, hidden: int) -> nn.Sequential:
    """Two linear maps, ReLU between them."""
    return nn.Sequential(
        nn.Linear(dims, hidden), nn.ReLU(), nn.Linear(hidden, dims))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each behind a norm."""

    def __init__(self, dims: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dims) for _ in range(2))
        self.attn = Attention(dims, num_heads)
        self.ffn = feed_forward(dims, hidden)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """(..., N, C) -> the same."""
        normed = self.norms[0](x)
        x = x + self.attn(normed, normed, normed, valid)
        return x + self.ffn(self.norms[1](x))


class DecoderLayer(nn.Module):
    """Self-attention, attention to a memory, and feed-forward."""

    def __init__(self, dims: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dims) for _ in range(3))
        self.attn = Attention(dims, num_heads)
        self.cross_attn = Attention(dims, num_heads)
        self.ffn = feed_forward(dims, hidden)

    def forward(self, x: Tensor, memory: Tensor,
                valid: Tensor | None) -> Tensor:
        """See :meth:`Decoder.forward`."""
        # Queries and keys without the norm: verified against upstream.
        x = x + self.attn(x, x, self.norms[0](x))
        asking = self.norms[1](x)
        shape = asking.shape
        if memory.dim() < x.dim():
            # One memory for all agents of a scene: (B, A, K, C).
            asking = asking.flatten(1, 2)
        seen = self.cross_attn(asking, memory, memory, valid)
        x = x + seen.view(shape)
        return x + self.ffn(self.norms[2](x))


class Encoder(BaseModule):
    """Encoder layers and a last norm.

    Args:
        dims: Width of the tokens.
        num_heads: Heads.
        hidden: Width of the feed-forward part.
        num_layers: How many layers.
    """

    LAYER = EncoderLayer

    def __init__(self, dims: int = 128, num_heads: int = 2,
                 hidden: int = 256, num_layers: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            self.LAYER(dims, num_heads, hidden) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dims)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Encode tokens (..., N, C); ``valid`` (..., N) is not padding."""
        for layer in self.layers:
            x = layer(x, valid)
        return self.norm(x)


class Decoder(Encoder):
    """Decoder layers and a last norm; arguments as for the encoder."""

    LAYER = DecoderLayer

    def forward(self, x: Tensor, memory: Tensor,
                valid: Tensor | None = None) -> Tensor:
        """Decode.

        Args:
            x: (B, A, K, C), K proposals of each agent.
            memory: (B, A, M, C), or (B, M, C) for all agents of a scene.
            valid: (B, M) bool: which of the M may be looked at.

        Returns:
            Tensor: (B, A, K, C).
        """
        for layer in self.layers:
            x = layer(x, memory, valid)
        return self.norm(x)


class ScaledEmbedding(nn.Linear):
    """A linear map times the square root of its output width."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        return super().forward(x) * math.sqrt(self.out_features)


def sinusoids(length: int, dims: int) -> Tensor:
    """Positions (length, dims) of the original transformer, fp32."""
    places = torch.arange(length).unsqueeze(1).float()
    rates = torch.exp(
        torch.arange(0, dims, 2).float() * -(math.log(10000.) / dims))
    return torch.stack(
        [torch.sin(places * rates), torch.cos(places * rates)], -1).flatten(1)
