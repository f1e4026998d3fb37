"""Feed-forward part of a block."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from .geometry import BlockGeometry
from .linear import PretrainedLinear

ACTIVATION_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = dict(
    silu=F.silu,
    gelu=F.gelu,
    gelu_tanh=lambda x: F.gelu(x, approximate='tanh'),
    relu=F.relu)


class FeedForward(nn.Module):
    """``down(act(gate(x)) * up(x))``, or ``down(act(up(x)))``.

    Args:
        geometry: Of the block.
        linear: Makes the linear map of a given name, such as ``ffn.up``.
    """

    def __init__(self, geometry: BlockGeometry,
                 linear: Callable[[str], PretrainedLinear]) -> None:
        super().__init__()
        # A name, not the function: a lambda could not be pickled.
        self.activation = geometry.activation
        self.gated = geometry.gated
        self.up = linear('ffn.up')
        self.down = linear('ffn.down')
        if geometry.gated:
            self.gate = linear('ffn.gate')

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to (..., width), each token by itself."""
        activate = ACTIVATION_FUNCTIONS[self.activation]
        if self.gated:
            return self.down(activate(self.gate(x)) * self.up(x))
        return self.down(activate(self.up(x)))
