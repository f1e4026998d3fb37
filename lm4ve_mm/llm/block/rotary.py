"""Rotary phase (Su et al., arXiv 2104.09864), in the half-split layout."""

import math

import torch
from torch import Tensor


def _slow_down(frequencies: Tensor, factor: float,
               bands: tuple[float, float, float] | None) -> Tensor:
    """Divide the frequencies by ``factor``: all, or by LLaMA 3.1's rule.

    With ``bands`` (low, high, length) what counts is how often a wave turns
    within ``length`` positions: more than ``high`` times, it is left alone;
    less than ``low`` times, it is divided; in between both are blended.
    Source: ``apply_scaling`` of Meta's release of LLaMA 3.1.
    """
    if bands is None:
        return frequencies / factor
    low, high, length = bands
    turns = frequencies * length / (2 * math.pi)
    share = ((turns - low) / (high - low)).clamp(0, 1)
    return frequencies * (share + (1 - share) / factor)


def rotary_phase(num_tokens: int,
                 dims: int,
                 theta: float,
                 like: Tensor,
                 factor: float = 1.0,
                 bands: tuple[float, float, float] | None = None) -> Tensor:
    """Angles of positions 0..N-1, as (2, N, dims): cosines, then sines.

    Args:
        num_tokens: N.
        dims: How many dimensions of a head are turned, an even number.
        theta: Base of the geometric series of frequencies.
        like: Gives device and type; angles are computed in float32 or wider.
        factor: See ``rope_factor`` of :class:`BlockGeometry`.
        bands: See ``rope_bands`` of :class:`BlockGeometry`.
    """
    wide = torch.promote_types(like.dtype, torch.float32)
    steps = torch.arange(0, dims, 2, device=like.device, dtype=wide)
    frequencies = _slow_down(theta**(-steps / dims), factor, bands)
    positions = torch.arange(num_tokens, device=like.device, dtype=wide)
    angles = torch.outer(positions, frequencies).repeat(1, 2)
    return torch.stack([angles.cos(), angles.sin()]).to(like.dtype)


def rotate(x: Tensor, phase: Tensor) -> Tensor:
    """Turn (B, heads, N, head_dim) by ``phase`` (2, N, dims).

    Dimensions of a head beyond the first ``dims`` pass as they are.
    """
    cosine, sine = phase
    turned, rest = x.tensor_split([phase.shape[-1]], dim=-1)
    low, high = turned.chunk(2, dim=-1)
    turned = turned * cosine + torch.cat([-high, low], dim=-1) * sine
    return torch.cat([turned, rest], dim=-1) if rest.shape[-1] else turned
