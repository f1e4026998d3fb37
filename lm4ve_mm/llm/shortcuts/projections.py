"""The first block's queries, keys and values, taken from the host's tokens.

A wide token is ``x = W z`` with the map in ``W`` (D x C), and the block's
norm makes ``g * W z / r + b`` of it (``r`` its root mean square, ``W`` centred
where the norm is a LayerNorm). All that depends on the token is ``z / r``, a
vector of the host's C dimensions; from there to queries, keys and values it
is one linear map, which is applied in two steps or folded into one.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..block.attention import Attention
from ..block.norms import PretrainedRMSNorm
from ..block.precision import at_least_fp32, compute_like
from ..block.transformer_block import TransformerBlock
from ..maps import LinearMap


class NormedMap(NamedTuple):
    """The map in and the norm behind it, for a token that is z / r.

    ``gain * (weight @ token) + shift`` is what the projections are fed with;
    None leaves a step out.

    Args:
        weight: (D, C), with a bias of the map as one more column.
        gain: (D,) weight of the norm.
        shift: (D,) bias of the norm.
        eps: Of the norm; None where the block has none in front.
    """

    weight: Tensor
    gain: Tensor | None = None
    shift: Tensor | None = None
    eps: float | None = None

    def widen(self, tokens: Tensor, total: Tensor | None = None) -> Tensor:
        """(..., C) -> (..., D); the norm in fp32.

        Args:
            tokens: One token, or a sum of tokens, in each row.
            total: (..., 1), the weights that it sums; None means one token.
        """
        wide = F.linear(tokens, compute_like(self.weight, tokens))
        if self.gain is not None:
            wide = (wide * self.gain).to(wide)
        if self.shift is not None:
            shift = self.shift if total is None else self.shift * total
            wide = (wide + shift).to(wide)
        return wide

    def narrow(self, wide: Tensor) -> Tensor:
        """Transpose of the linear part: (..., D) -> (..., C)."""
        if self.gain is not None:
            wide = (wide * self.gain).to(wide)
        return F.linear(wide, compute_like(self.weight, wide).t())

    def matrix(self) -> Tensor:
        """The linear part as a matrix, (D, C)."""
        if self.gain is None:
            return self.weight
        return self.gain[:, None].to(self.weight.dtype) * self.weight

    def gram(self) -> Tensor | None:
        """``W^T W / D`` (C, C): ``r^2 = z^T gram z + eps``.

        In fp32 or wider, also under autocast; None without a norm.
        """
        if self.eps is None:
            return None
        with torch.autocast(self.weight.device.type, enabled=False):
            weight = at_least_fp32(self.weight)
            return weight.t() @ weight / weight.shape[0]


def normed_map(map_in: LinearMap, block: TransformerBlock) -> NormedMap:
    """How the host's tokens enter ``block`` through ``map_in``."""
    weight = map_in.matrix
    if map_in.bias is not None:
        weight = torch.cat([weight, map_in.bias[:, None]], -1)
    if block.geometry.placement == 'post':
        return NormedMap(weight)
    norm = block.attn_norm
    gain = norm.weight.to(at_least_fp32(weight).dtype)
    if isinstance(norm, PretrainedRMSNorm):
        return NormedMap(weight, gain + norm.offset, None, norm.eps)
    centred = weight - weight.mean(0, keepdim=True)
    return NormedMap(centred, gain, norm.bias.to(gain.dtype), norm.eps)


def with_ones(tokens: Tensor, map_in: LinearMap) -> Tensor:
    """A 1 behind each token where the map has a bias: (B, N, C or C + 1)."""
    if map_in.bias is None:
        return tokens
    ones = tokens.new_ones(*tokens.shape[:-1], 1)
    return torch.cat([tokens, ones], -1)


def divide_by_rms(tokens: Tensor, gram: Tensor | None,
                  eps: float | None) -> Tensor:
    """z -> z / r in the host's width, see :meth:`NormedMap.gram`."""
    if gram is None or eps is None:
        return tokens
    with torch.autocast(tokens.device.type, enabled=False):
        z = tokens.to(gram.dtype)
        square = ((z @ gram) * z).sum(-1, keepdim=True)
        return (z * torch.rsqrt(square.clamp(min=0) + eps)).to(tokens.dtype)


class TwoSteps(NamedTuple):
    """Projections after the map in; no product of weights is formed.

    Args:
        attn: Holds the projections.
        entry: What stands in front of them; None behind another block.
        gram: See :meth:`NormedMap.gram`.
        eps: Of the norm in front of attention; None without one. A field,
            since the compiler of torch 2.6 reads no property of a tuple.
    """

    attn: Attention
    entry: NormedMap | None = None
    gram: Tensor | None = None
    eps: float | None = None

    def query(self, tokens: Tensor) -> Tensor:
        """(B, K, C) -> (B, K, heads * head_dim)."""
        if self.entry is not None:
            tokens = self.entry.widen(tokens)
        return self.attn.q(tokens)

    def keys_back(self, query: Tensor) -> Tensor:
        """Per head, (B, K, groups, heads per group, head_dim) -> (..., C)."""
        wide = self.attn.k.heads_back(query)
        return wide if self.entry is None else self.entry.narrow(wide)

    def key_bias(self) -> Tensor | None:
        """What all keys share, (groups * head_dim), or None."""
        if self.entry is None or self.entry.shift is None:
            return self.attn.k.bias
        return self.attn.k(self.entry.shift)

    def heads_value(self, average: Tensor, total: Tensor) -> Tensor:
        """Values of averaged tokens.

        Args:
            average: (B, K, groups, heads per group, C).
            total: (B, K, groups, heads per group, 1), the sum of the
                average's weights: one, or zero where nothing may be looked
                at.

        Returns:
            (B, K, groups, heads per group, head_dim).
        """
        if self.entry is not None:
            average = self.entry.widen(average, total)
        value = self.attn.v.heads_forward(average)
        return add_heads_bias(value, self.attn.v.bias, total)


def add_heads_bias(value: Tensor, bias: Tensor | None,
                   total: Tensor) -> Tensor:
    """Add the values' bias, times the sum of the average's weights."""
    if bias is None:
        return value
    bias = compute_like(bias, value).unflatten(0, (value.shape[2], 1, -1))
    return (value + bias * total).to(value)
