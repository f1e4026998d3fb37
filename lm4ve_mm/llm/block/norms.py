"""Norms that keep pretrained weights as they were read.

They do not inherit from ``nn.LayerNorm``, for the reason given in
:mod:`.linear`. Statistics are taken in fp32 or wider.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .foreign_geometry import ForeignGeometry
from .geometry import BlockGeometry
from .linear import PretrainedModule
from .precision import at_least_fp32


class PretrainedRMSNorm(PretrainedModule):
    """``x / sqrt(mean(x^2) + eps) * (weight + offset)``."""

    weight: Tensor

    def __init__(self,
                 tensors: Mapping[str, Tensor],
                 trainable: bool,
                 eps: float,
                 offset: float = 0.0) -> None:
        super().__init__(tensors, trainable)
        self.eps = eps
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        """Norm (..., width) over its last dimension."""
        wide = at_least_fp32(x)
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        weight = self.weight.to(wide.dtype)
        if self.offset:
            weight = weight + self.offset
        return (wide * scale * weight).to(x.dtype)


class PretrainedLayerNorm(PretrainedModule):
    """``(x - mean(x)) / sqrt(var(x) + eps) * weight + bias``."""

    weight: Tensor
    bias: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], trainable: bool,
                 eps: float) -> None:
        super().__init__(tensors, trainable)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Norm (..., width) over its last dimension."""
        wide = at_least_fp32(x)
        normed = F.layer_norm(wide, wide.shape[-1:],
                              self.weight.to(wide.dtype),
                              self.bias.to(wide.dtype), self.eps)
        return normed.to(x.dtype)


Norm = PretrainedRMSNorm | PretrainedLayerNorm
NORM_CLASSES: dict[str, type[Norm]] = dict(
    rms=PretrainedRMSNorm, layer=PretrainedLayerNorm)


def build_norm(geometry: BlockGeometry, tensors: Mapping[str, Tensor],
               trainable: bool) -> Norm:
    """The family's kind of norm, holding ``tensors``."""
    options: dict[str, Any] = {}
    if geometry.norm_offset:
        options['offset'] = geometry.norm_offset
    return NORM_CLASSES[geometry.norm](tensors, trainable, geometry.norm_eps,
                                       **options)


def plain_norm(
        geometry: BlockGeometry | ForeignGeometry) -> dict[str, Tensor]:
    """What is stored of a norm whose own weight is one and its bias zero."""
    names = [name.rpartition('.')[2] for name in geometry.norm_shapes('norm')]
    return {name: torch.full((geometry.width, ),
                             1.0 - geometry.norm_offset
                             if name == 'weight' else 0.0) for name in names}


def tensors_under(tensors: Mapping[str, Tensor],
                  name: str) -> dict[str, Tensor]:
    """The tensors of one module: ``name.weight`` becomes ``weight``."""
    return {
        key[len(name) + 1:]: tensor
        for key, tensor in tensors.items() if key.startswith(name + '.')
    }
