"""The first block's queries, keys and values, taken from the host's tokens.

A wide token is ``x = W z`` with the map in ``W`` (D x C), and the block's
norm makes ``g * W z / r + b`` of it (``r`` its root mean square, ``W`` centred
where the norm is a LayerNorm). All that depends on the token is ``z / r``, a
vector of the host's C dimensions; from there to queries, keys and values it
is one linear map, which is applied in two steps or folded into one.
"""

from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..block.transformer_block import Attention, TransformerBlock
from ..block.linear import at_least_fp32, compute_like
from ..block.heads import heads_back, heads_forward
from ..maps import LinearMap


class Entry(NamedTuple):
    """How a token z / r of the host becomes what the projections are fed.

    ``gain * (weight @ token) + shift``; None stands for doing nothing.

    Args:
        weight: (D, C), with a bias of the map as one more column.
        gain: (D,) weight of the norm.
        shift: (D,) bias of the norm.
        eps: Of the norm; None where the block has none in front.
    """

    weight: Optional[Tensor] = None
    gain: Optional[Tensor] = None
    shift: Optional[Tensor] = None
    eps: Optional[float] = None

    def widen(self, tokens: Tensor) -> Tensor:
        """(..., C) -> (..., D), without ``shift``; the norm in fp32."""
        if self.weight is None:
            return tokens
        wide = F.linear(tokens, compute_like(self.weight, tokens))
        return wide if self.gain is None else (wide * self.gain).to(wide)

    def narrow(self, wide: Tensor) -> Tensor:
        """Transpose of :meth:`widen`: (..., D) -> (..., C)."""
        if self.weight is None:
            return wide
        if self.gain is not None:
            wide = (wide * self.gain).to(wide)
        return F.linear(wide, compute_like(self.weight, wide).t())

    def matrix(self) -> Tensor:
        """:meth:`widen` as a matrix, (D, C)."""
        if self.gain is None:
            return self.weight
        return self.gain[:, None].to(self.weight.dtype) * self.weight

    def gram(self) -> Tensor:
        """``W^T W / D`` (C, C): ``r^2 = z^T gram z + eps``.

        In fp32 or wider, also under autocast.
        """
        with torch.autocast(self.weight.device.type, enabled=False):
            weight = at_least_fp32(self.weight)
            return weight.t() @ weight / weight.shape[0]


def enter(map_in: LinearMap, block: TransformerBlock) -> Entry:
    """How the host's tokens enter ``block`` through ``map_in``."""
    weight = map_in.matrix
    if map_in.bias is not None:
        weight = torch.cat([weight, map_in.bias[:, None]], -1)
    if block.geometry.placement == 'post':
        return Entry(weight)
    norm = block.attn_norm
    gain = norm.weight.to(at_least_fp32(weight).dtype)
    if block.geometry.norm == 'rms':
        return Entry(weight, gain + norm.offset, None, norm.eps)
    centred = weight - weight.mean(0, keepdim=True)
    return Entry(centred, gain, norm.bias.to(gain.dtype), norm.eps)


def with_ones(tokens: Tensor, map_in: LinearMap) -> Tensor:
    """A 1 behind each token where the map has a bias: (B, N, C or C + 1)."""
    if map_in.bias is None:
        return tokens
    ones = tokens.new_ones(*tokens.shape[:-1], 1)
    return torch.cat([tokens, ones], -1)


def divide_by_rms(tokens: Tensor, gram: Tensor,
                  eps: Optional[float]) -> Tensor:
    """z -> z / r in the host's width, see :meth:`Entry.gram`."""
    if eps is None:
        return tokens
    with torch.autocast(tokens.device.type, enabled=False):
        z = tokens.to(gram.dtype)
        square = ((z @ gram) * z).sum(-1, keepdim=True)
        return (z * torch.rsqrt(square.clamp(min=0) + eps)).to(tokens.dtype)


class TwoSteps(NamedTuple):
    """Projections after the map in; no product of weights is formed."""

    attn: Attention
    entry: Entry

    def query(self, tokens: Tensor) -> Tensor:
        """(B, K, C) -> (B, K, heads * head_dim)."""
        wide = self.entry.widen(tokens)
        if self.entry.shift is not None:
            wide = (wide + self.entry.shift).to(wide)
        return self.attn.q(wide)

    def keys_back(self, query: Tensor) -> Tensor:
        """Per head, (B, K, groups, heads per group, head_dim) -> (..., C)."""
        return self.entry.narrow(self.attn.k.heads_back(query))

    def key_bias(self) -> Optional[Tensor]:
        """What all keys share, (groups * head_dim), or None."""
        if self.entry.shift is None:
            return self.attn.k.bias
        return self.attn.k(self.entry.shift)

    def heads_value(self, average: Tensor, total: Tensor) -> Tensor:
        """Values of averaged tokens, whose weights sum to ``total``.

        Args:
            average: (B, K, groups, heads per group, C).
            total: (B, K, groups, heads per group, 1): one, or zero where
                nothing may be looked at.

        Returns:
            (B, K, groups, heads per group, head_dim).
        """
        wide = self.entry.widen(average)
        if self.entry.shift is not None:
            wide = (wide + self.entry.shift * total).to(wide)
        value = self.attn.v.heads_forward(wide)
        return add_heads_bias(value, self.attn.v.bias, total)


class Folded(NamedTuple):
    """Projections and the map in as one matrix each, (rows, C), and a bias."""

    q: Tensor
    k: Tensor
    v: Tensor
    q_bias: Optional[Tensor]
    k_bias: Optional[Tensor]
    v_bias: Optional[Tensor]

    def _apply(self, tokens: Tensor, name: str) -> Tensor:
        weight, bias = getattr(self, name), getattr(self, f'{name}_bias')
        if bias is not None:
            bias = compute_like(bias, tokens)
        return F.linear(tokens, compute_like(weight, tokens), bias)

    def query(self, tokens: Tensor) -> Tensor:
        """(B, K, C) -> (B, K, heads * head_dim)."""
        return self._apply(tokens, 'q')

    def key(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, groups * head_dim)."""
        return self._apply(tokens, 'k')

    def value(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, groups * head_dim)."""
        return self._apply(tokens, 'v')

    def keys_back(self, query: Tensor) -> Tensor:
        """See :meth:`TwoSteps.keys_back`."""
        return heads_back(compute_like(self.k, query), query)

    def key_bias(self) -> Optional[Tensor]:
        """See :meth:`TwoSteps.key_bias`."""
        return self.k_bias

    def heads_value(self, average: Tensor, total: Tensor) -> Tensor:
        """See :meth:`TwoSteps.heads_value`."""
        value = heads_forward(compute_like(self.v, average), average)
        return add_heads_bias(value, self.v_bias, total)


def add_heads_bias(value: Tensor, bias: Optional[Tensor],
                   total: Tensor) -> Tensor:
    """Add the bias of the values as often as the weights sum to."""
    if bias is None:
        return value
    bias = compute_like(bias, value).unflatten(0, (value.shape[2], 1, -1))
    return (value + bias * total).to(value)


def fold(attn: Attention, entry: Entry) -> Folded:
    """Multiply the projections with the map in, once for all tokens.

    Costs ``D C (rows of q, k and v)`` multiply-accumulates, and as much
    again for the gradient of the map.
    """
    matrix = entry.matrix()
    weights, biases = [], []
    for linear in (attn.q, attn.k, attn.v):
        weights.append(linear.times(matrix))
        bias = linear.bias
        if entry.shift is not None:
            bias = linear(entry.shift)
        biases.append(bias)
    return Folded(*weights, *biases)
