"""Linear map and norms that keep pretrained weights as they were read.

None of these classes inherits from ``nn.Linear`` or ``nn.LayerNorm``:
MMEngine's initialisers pick modules by the class names in their inheritance
chain, and would overwrite a pretrained weight without a word. As
non-persistent buffers the weights are also out of the optimiser, the state
dict and weight decay.
"""

import copy
from typing import Any, Dict, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cpu_linear import frozen_linear
from .heads import heads_back, heads_forward


class PretrainedModule(nn.Module):
    """Holds given tensors: frozen as buffers, or trainable as parameters.

    Args:
        tensors: Parameter name -> tensor, taken as it is when frozen.
        trainable: Whether to register parameters (then saved in the state
            dict) instead of non-persistent buffers.
    """

    def __init__(self, tensors: Mapping[str, Tensor], trainable: bool) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            if trainable:
                # A copy: training must not write into a mapped file.
                self.register_parameter(
                    name, nn.Parameter(tensor.detach().float().clone()))
            else:
                self.register_buffer(name, tensor.detach(), persistent=False)

    def __deepcopy__(self, memo: Dict[int, Any]) -> 'PretrainedModule':
        """Copy the module but share its frozen tensors.

        An EMA model made by ``copy.deepcopy`` costs no second block.
        """
        for tensor in self._buffers.values():
            memo[id(tensor)] = tensor
        twin = self.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin


def compute_like(weight: Tensor, x: Tensor) -> Tensor:
    """``weight`` in the type that ``x`` is computed in.

    Under autocast nothing is done: autocast itself casts both.
    """
    if weight.dtype == x.dtype or torch.is_autocast_enabled(x.device.type):
        return weight
    return weight.to(x.dtype)


def at_least_fp32(x: Tensor) -> Tensor:
    """``x`` in fp32, or as it is where that is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class PretrainedLinear(PretrainedModule):
    """``y = x W^T + b`` with pretrained ``weight`` and perhaps ``bias``.

    Attributes:
        lora: A :class:`lm4ve_mm.llm.lora.LowRank` that is added to the
            weight, or None.
    """

    def __init__(self, tensors: Mapping[str, Tensor], trainable: bool) -> None:
        super().__init__(tensors, trainable)
        self.register_module('lora', None)
        if 'bias' not in tensors:
            self.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in features) to (..., out features)."""
        bias = self.bias
        if bias is not None:
            bias = compute_like(bias, x)
        out = frozen_linear(x, compute_like(self.weight, x), bias)
        return out if self.lora is None else out + self.lora(x)

    def times(self, matrix: Tensor) -> Tensor:
        """``W @ matrix``: (in features, C) -> (out features, C)."""
        weight = compute_like(self.weight, matrix)
        product = frozen_linear(matrix.t(), weight).t()
        if self.lora is None:
            return product
        return product + self.lora.times(matrix)

    def heads_forward(self, x: Tensor) -> Tensor:
        """See :func:`lm4ve_mm.llm.block.heads.heads_forward`; without bias."""
        out = heads_forward(compute_like(self.weight, x), x)
        return out if self.lora is None else out + self.lora.heads_forward(x)

    def heads_back(self, x: Tensor) -> Tensor:
        """See :func:`lm4ve_mm.llm.block.heads.heads_back`."""
        out = heads_back(compute_like(self.weight, x), x)
        return out if self.lora is None else out + self.lora.heads_back(x)


class PretrainedRMSNorm(PretrainedModule):
    """``x / sqrt(mean(x^2) + eps) * (weight + offset)``.

    Statistics and the sum are taken in fp32 or wider.
    """

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
    """LayerNorm with pretrained scale and bias; fp32 statistics or wider."""

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


NORM_CLASSES = dict(rms=PretrainedRMSNorm, layer=PretrainedLayerNorm)
