"""A linear map that keeps pretrained weights as they were read.

It does not inherit from ``nn.Linear``: MMEngine's initialisers pick modules
by the class names in their inheritance chain, and would overwrite a
pretrained weight without a word. As non-persistent buffers the weights also
stay out of the optimiser, the state dict and weight decay.
"""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from .cpu_linear import frozen_linear
from .heads import heads_back, heads_forward
from .precision import compute_like


class PretrainedModule(nn.Module):
    """Holds given tensors: frozen as buffers, or trainable as parameters.

    Args:
        tensors: Parameter name -> tensor; a frozen one is held as given.
        trainable: Whether to register parameters (then saved in the state
            dict) instead of non-persistent buffers.
    """

    def __init__(self, tensors: Mapping[str, Tensor], trainable: bool) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            if trainable:
                # Copied: training must not write into a mapped file.
                self.register_parameter(
                    name, nn.Parameter(tensor.detach().float().clone()))
            else:
                self.register_buffer(name, tensor.detach(), persistent=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> 'PretrainedModule':
        """Copy the module but share its frozen tensors.

        An EMA model made by ``copy.deepcopy`` costs no second block.
        """
        for tensor in self._buffers.values():
            memo[id(tensor)] = tensor
        twin = self.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin


class PretrainedLinear(PretrainedModule):
    """``y = x W^T + b`` with pretrained ``weight`` and perhaps ``bias``.

    :class:`lm4ve_mm.llm.lora.UpdatedLinear` adds a low-rank update to each of
    these products.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self,
                 tensors: Mapping[str, Tensor],
                 trainable: bool = False) -> None:
        super().__init__(tensors, trainable)
        if 'bias' not in tensors:
            self.bias = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in features) to (..., out features)."""
        bias = self.bias
        if bias is not None:
            bias = compute_like(bias, x)
        return frozen_linear(x, compute_like(self.weight, x), bias)

    def times(self, matrix: Tensor) -> Tensor:
        """``W @ matrix``: (in features, C) -> (out features, C)."""
        weight = compute_like(self.weight, matrix)
        return frozen_linear(matrix.t(), weight).t()

    def heads_forward(self, x: Tensor) -> Tensor:
        """See :func:`lm4ve_mm.llm.block.heads.heads_forward`; without bias."""
        return heads_forward(compute_like(self.weight, x), x)

    def heads_back(self, x: Tensor) -> Tensor:
        """See :func:`lm4ve_mm.llm.block.heads.heads_back`."""
        return heads_back(compute_like(self.weight, x), x)
