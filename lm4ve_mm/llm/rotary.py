"""Rotary phase (Su et al., arXiv 2104.09864), in the half-split layout."""

import torch
from torch import Tensor


def rotary_phase(num_tokens: int, head_dim: int, theta: float,
                 like: Tensor) -> Tensor:
    """Angles of positions 0..N-1, as (2, N, head_dim): cosines, then sines.

    Args:
        num_tokens: N.
        head_dim: Width of one head, even.
        theta: Base of the geometric series of frequencies.
        like: Gives device and type; angles are computed in float32 or wider.
    """
    wide = torch.promote_types(like.dtype, torch.float32)
    steps = torch.arange(0, head_dim, 2, device=like.device, dtype=wide)
    frequencies = theta**(-steps / head_dim)
    positions = torch.arange(num_tokens, device=like.device, dtype=wide)
    angles = torch.outer(positions, frequencies).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()]).to(like.dtype)


def rotate(x: Tensor, phase: Tensor) -> Tensor:
    """Turn (B, heads, N, head_dim) by ``phase`` (2, N, head_dim)."""
    cosine, sine = phase
    low, high = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-high, low], dim=-1) * sine
