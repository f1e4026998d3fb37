"""The layers of MCAN (arXiv 1906.10770), in which texts and scenes meet.

Masked scores are replaced by -1e9, so that a scene without any object gives
all its proposals the same weight, instead of numbers that are none.
"""

import math

import torch
from torch import Tensor, nn

MASKED = -1e9


def masked_softmax(scores: Tensor, padding: Tensor) -> Tensor:
    """Weights (..., M) of scores, without what is padding.

    At least in float32, since float16 does not reach the score of padding.
    """
    wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
    weights = wide.masked_fill(padding, MASKED).softmax(-1)
    return weights.to(scores.dtype)


class StdNorm(nn.Module):
    """MCAN's layer norm: unbiased deviation, epsilon added outside the root.

    By sqrt((C - 1) / C) smaller than :class:`torch.nn.LayerNorm`.

    Args:
        channels: C.
        eps: Added to the deviation.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (..., C)."""
        centred = x - x.mean(-1, keepdim=True)
        deviation = x.std(-1, keepdim=True)
        return self.weight * centred / (deviation + self.eps) + self.bias


class Attention(nn.Module):
    """Multi-head attention.

    Args:
        channels: Of queries, keys and values.
        num_heads: Heads.
        dropout: Of the attention weights.

    Raises:
        ValueError: If the heads do not divide the channels.
    """

    def __init__(self, channels: int, num_heads: int,
                 dropout: float) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f'{channels} channels cannot be divided among '
                             f'{num_heads} heads')
        self.num_heads = num_heads
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, padding: Tensor) -> Tensor:
        """Look from x (B, N, C) at memory (B, M, C).

        Args:
            x: What asks.
            memory: What is looked at.
            padding: (B, M) bool, True where nobody looks.

        Returns:
            Tensor: (B, N, C).
        """
        query, key, value = (
            linear(tokens).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for linear, tokens in ((self.query, x), (self.key, memory),
                                   (self.value, memory)))
        scores = query @ key.mT / math.sqrt(key.shape[-1])  # (B, H, N, M)
        weights = masked_softmax(scores, padding[:, None, None])
        mixed = self.drop(weights) @ value
        return self.out(mixed.transpose(1, 2).flatten(2))


def feed_forward(channels: int, dropout: float) -> nn.Sequential:
    """Two maps with a GELU between them, four times as wide."""
    return nn.Sequential(
        nn.Linear(channels, 4 * channels), nn.GELU(), nn.Dropout(dropout),
        nn.Linear(4 * channels, channels))


class SelfLayer(nn.Module):
    """Self-attention and feed-forward, each followed by its norm.

    Args:
        channels: Width C of the tokens.
        num_heads: Heads.
        dropout: Of attention weights, and of what is added.
    """

    def __init__(self, channels: int, num_heads: int,
                 dropout: float = .1) -> None:
        super().__init__()
        self.attn = Attention(channels, num_heads, dropout)
        self.ffn = feed_forward(channels, dropout)
        self.norms = nn.ModuleList(StdNorm(channels) for _ in range(2))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """Tokens (B, N, C), and (B, N) bool, True on padding."""
        x = self.norms[0](x + self.drop(self.attn(x, x, padding)))
        return self.norms[1](x + self.drop(self.ffn(x)))


class GuidedLayer(nn.Module):
    """Self-attention, attention to a text, and feed-forward.

    Args:
        channels, num_heads, dropout: As in :class:`SelfLayer`.
    """

    def __init__(self, channels: int, num_heads: int,
                 dropout: float = .1) -> None:
        super().__init__()
        self.attn = Attention(channels, num_heads, dropout)
        self.cross_attn = Attention(channels, num_heads, dropout)
        self.ffn = feed_forward(channels, dropout)
        self.norms = nn.ModuleList(StdNorm(channels) for _ in range(3))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, guide: Tensor, padding: Tensor,
                guide_padding: Tensor) -> Tensor:
        """Tokens (B, N, C), guided by (B, M, C); masks True on padding."""
        x = self.norms[0](x + self.drop(self.attn(x, x, padding)))
        x = self.norms[1](
            x + self.drop(self.cross_attn(x, guide, guide_padding)))
        return self.norms[2](x + self.drop(self.ffn(x)))


class Flatten(nn.Module):
    """Weigh the tokens, and sum them up.

    Args:
        channels: Width C of the tokens.
        hidden: Width inside the weighing.
        out_channels: Of the sum.
        dropout: Inside the weighing.
    """

    def __init__(self, channels: int, hidden: int, out_channels: int,
                 dropout: float = .1) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Linear(channels, hidden), nn.GELU(), nn.Dropout(dropout),
            nn.Linear(hidden, 1))
        self.out = nn.Linear(channels, out_channels)

    def forward(self, x: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Sum (B, N, C) up.

        Returns:
            tuple: (B, out_channels), and the weights (B, N) of the tokens.
        """
        weights = masked_softmax(self.weigh(x)[..., 0], padding)
        return self.out((weights[:, None] @ x)[:, 0]), weights
