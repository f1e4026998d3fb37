"""The block as published, the reference for the cost of ours."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lm4ve_mm.llm import FrozenLLMLayer


class PlainFormLayer(nn.Module):
    """Map in, LLaMA block, norm, map out, in the most direct form.

    Every token goes through every projection, attention is an explicit
    softmax of all scores in fp32, norms are written out, as in section 3 of
    arXiv 2310.12973 and the LLaMA paper (arXiv 2302.13971, section 2.2).
    Written independently of our block, with its weights: a reference for the
    cost and for the values.

    Args:
        layer: Gives the weights, which are shared. One block of the
            ``llama`` kind, without biases and grouped heads.
    """

    def __init__(self, layer: FrozenLLMLayer) -> None:
        super().__init__()
        geometry = layer.geometry
        self.heads = geometry.num_heads
        self.eps = geometry.norm_eps
        self.map_in = layer.map_in.weight
        self.map_out = layer.map_out.weight
        for name, tensor in layer.blocks[0].tensors().items():
            own = name.replace('.', '_')
            self.register_buffer(own, tensor, persistent=False)

    def norm(self, x: Tensor, weight: Tensor) -> Tensor:
        """RMSNorm, statistics in fp32."""
        wide = x.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return (wide * scale).type_as(x) * weight

    def split(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, heads, N, head_dim)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        x = F.linear(tokens, self.map_in)
        fed = self.norm(x, self.attn_norm_weight)
        query = self.split(F.linear(fed, self.attn_q_weight))
        key = self.split(F.linear(fed, self.attn_k_weight))
        value = self.split(F.linear(fed, self.attn_v_weight))
        scores = query @ key.transpose(2, 3) / query.shape[-1]**0.5
        weights = scores.float().softmax(-1).type_as(query)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        x = x + F.linear(mixed, self.attn_out_weight)
        fed = self.norm(x, self.ffn_norm_weight)
        gate = F.silu(F.linear(fed, self.ffn_gate_weight))
        hidden = gate * F.linear(fed, self.ffn_up_weight)
        x = x + F.linear(hidden, self.ffn_down_weight)
        x = self.norm(x, torch.ones_like(self.attn_norm_weight))
        return F.linear(x, self.map_out)
