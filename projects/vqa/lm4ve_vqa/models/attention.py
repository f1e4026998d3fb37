"""BERT's attention and feed-forward, under the names of METER's files."""

import torch
from torch import Tensor, nn
from torch.nn import functional

LAYER_NORM_EPS = 1e-12


class Projections(nn.Module):
    """Queries, keys and values, and the attention of several heads.

    Args:
        dims: Width C.
        num_heads: Number of heads.
        drop: Dropout of the attention's weights.
    """

    def __init__(self, dims: int, num_heads: int, drop: float) -> None:
        super().__init__()
        self.num_heads, self.drop = num_heads, drop
        self.query = nn.Linear(dims, dims)
        self.key = nn.Linear(dims, dims)
        self.value = nn.Linear(dims, dims)

    def forward(self, tokens: Tensor, others: Tensor,
                mask: Tensor | None) -> Tensor:
        """Look at other tokens.

        Args:
            tokens: (B, N, C).
            others: (B, M, C).
            mask: (B, 1, 1, M), added to the scores; or None.

        Returns:
            Tensor: (B, N, C).
        """
        q, k, v = (
            part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for part in (self.query(tokens), self.key(others),
                         self.value(others)))  # (B, heads, N or M, C / heads)
        if mask is not None:
            mask = mask.to(q.dtype)
        seen = functional.scaled_dot_product_attention(
            q, k, v, mask, self.drop if self.training else 0.)
        return seen.transpose(1, 2).flatten(2)


class Output(nn.Module):
    """A linear map, the shortcut and the norm behind it.

    Args:
        into: Width of what comes in.
        dims: Width C.
        drop: Dropout.
    """

    def __init__(self, into: int, dims: int, drop: float) -> None:
        super().__init__()
        self.dense = nn.Linear(into, dims)
        self.LayerNorm = nn.LayerNorm(dims, eps=LAYER_NORM_EPS)
        self.dropout = nn.Dropout(drop)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """(B, N, into), (B, N, C) -> (B, N, C)."""
        return self.LayerNorm(self.dropout(self.dense(x)) + shortcut)


class Attention(nn.Module):
    """Attention with its shortcut; see :class:`Projections`."""

    def __init__(self, dims: int, num_heads: int, drop: float) -> None:
        super().__init__()
        # The name that METER's files have.
        self.self = Projections(dims, num_heads, drop)
        self.output = Output(dims, dims, drop)

    def forward(self, tokens: Tensor, others: Tensor,
                mask: Tensor | None) -> Tensor:
        """(B, N, C), (B, M, C), (B, 1, 1, M) or None -> (B, N, C)."""
        return self.output(self.self(tokens, others, mask), tokens)


class Intermediate(nn.Module):
    """The wide half of the feed-forward."""

    def __init__(self, dims: int, wide: int) -> None:
        super().__init__()
        self.dense = nn.Linear(dims, wide)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, wide)."""
        return functional.gelu(self.dense(x))


class CoAttentionLayer(nn.Module):
    """Self-attention, attention to the other stream, feed-forward.

    Args:
        dims: Width C.
        num_heads: Number of heads.
        wide: Width within the feed-forward.
        drop: Dropout.
    """

    def __init__(self, dims: int, num_heads: int, wide: int,
                 drop: float) -> None:
        super().__init__()
        self.attention = Attention(dims, num_heads, drop)
        self.crossattention = Attention(dims, num_heads, drop)
        self.intermediate = Intermediate(dims, wide)
        self.output = Output(wide, dims, drop)

    def forward(self, tokens: Tensor, others: Tensor,
                mask: Tensor | None = None,
                others_mask: Tensor | None = None) -> Tensor:
        """Update one stream.

        Args:
            tokens: (B, N, C), this stream.
            others: (B, M, C), the other one.
            mask: (B, 1, 1, N), added to the scores of this stream.
            others_mask: (B, 1, 1, M), the same of the other one.

        Returns:
            Tensor: (B, N, C).
        """
        x = self.attention(tokens, tokens, mask)
        x = self.crossattention(x, others, others_mask)
        return self.output(self.intermediate(x), x)


def additive_mask(mask: Tensor, like: Tensor) -> Tensor:
    """(B, L), 0 on padding -> (B, 1, 1, L), -10000 there, as in METER."""
    return ((1 - mask.to(like)) * -1e4)[:, None, None]


def draw_weights(module: nn.Module) -> None:
    """METER's initialisation: N(0, 0.02), biases zero, norms one."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            nn.init.normal_(part.weight, std=.02)
        elif isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
        if isinstance(part, (nn.Linear, nn.LayerNorm)) and (
                part.bias is not None):
            with torch.no_grad():
                part.bias.zero_()
